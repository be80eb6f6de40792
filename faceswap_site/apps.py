from django.apps import AppConfig


class FaceswapSiteConfig(AppConfig):
    name = "faceswap_site"
