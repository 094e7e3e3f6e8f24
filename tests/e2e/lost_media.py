"""Takes away what WebRTC sends and receives, by Chromium's own switch."""

from playwright.sync_api import Page


class Media:
    """What WebRTC sends and receives; HTTP and WebSocket are left alone.

    To be made before the call: sockets that were there before are not covered.
    """

    def __init__(self, page: Page) -> None:
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.send("Network.enable")
        self._lose(0)

    def drop(self) -> None:
        """Let no packet through any more."""
        self._lose(100)

    def _lose(self, percent: int) -> None:
        limits = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        everything = {"urlPattern": "", **limits, "packetLoss": percent}
        self._devtools.send(
            "Network.emulateNetworkConditionsByRule",
            {"offline": False, "matchedNetworkConditions": [everything]},
        )
