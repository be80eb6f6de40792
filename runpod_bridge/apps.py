from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RunpodBridgeConfig(AppConfig):
    name = "runpod_bridge"
    verbose_name = _("Workers")

    def ready(self) -> None:
        from runpod_bridge import checks  # noqa: F401  registers them
