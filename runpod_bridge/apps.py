from django.apps import AppConfig


class RunpodBridgeConfig(AppConfig):
    name = "runpod_bridge"

    def ready(self) -> None:
        from runpod_bridge import checks  # noqa: F401  registers them
