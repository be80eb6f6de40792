from django.apps import AppConfig


class RunpodBridgeConfig(AppConfig):
    name = "runpod_bridge"
