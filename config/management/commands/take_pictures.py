"""`manage.py take_pictures`: every page of the town, small and large, in both languages and lights.

One look at the folder shows all. The pages are served by this command itself, from the database of
the settings: `./bowei demo` in one window, `./bowei manage take_pictures` in another.
"""

import os
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import pictures

SIZES = {360: (740, 1), 720: (450, 2), 1440: (900, 1)}  # width: height, pixels; 720: 1440 at 200 %
LANGUAGES = {"zh": "zh-hans", "en": "en"}
LIGHTS = ("light", "dark")


class Command(BaseCommand):
    help = "Take pictures of every page: 360 and 1440 px, 200 %, Chinese, English, light, dark."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", default=str(settings.BASE_DIR / "pictures"))
        parser.add_argument("--only", default="", help="names that contain this")
        parser.add_argument("--width", type=int, choices=list(SIZES), action="append")
        parser.add_argument("--language", choices=list(LANGUAGES), action="append")
        parser.add_argument("--light", choices=LIGHTS, action="append")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from playwright.sync_api import sync_playwright
        except ImportError as error:
            raise CommandError("Install requirements-dev.txt: it has playwright.") from error
        names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        chrome = next((found for name in names if (found := shutil.which(name))), None)
        if chrome is None:
            raise CommandError("No Chromium here: apt-get install chromium fonts-wqy-zenhei")
        try:
            pages = [page for page in pictures.tour() if options["only"] in _name(page)]
            sessions = {a: pictures.session_of(a) for a in {page.audience for page in pages}}
        except LookupError as error:
            raise CommandError(str(error)) from error
        folder = Path(options["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        address = _serve()
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright runs a loop in this thread
        taken = 0
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chrome,
                args=["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])],
            )
            for width in options["width"] or SIZES:
                for language in options["language"] or LANGUAGES:
                    for light in options["light"] or LIGHTS:
                        for page in pages:
                            context = browser.new_context(
                                base_url=address,
                                viewport={"width": width, "height": SIZES[width][0]},
                                device_scale_factor=SIZES[width][1],
                                color_scheme=light,
                                locale="zh-CN" if language == "zh" else "en-GB",
                                timezone_id="Asia/Shanghai",
                            )
                            context.add_cookies(
                                _cookies(address, sessions[page.audience], LANGUAGES[language])
                            )
                            tab = context.new_page()
                            tab.goto(page.path)
                            name = f"{_name(page)}-{width}-{language}-{light}.png"
                            tab.screenshot(path=str(folder / name), full_page=True)
                            context.close()
                            taken += 1
                        self.stdout.write(f"{taken} pictures", ending="\r")
            browser.close()
        self.stdout.write(f"{taken} pictures of {len(pages)} pages in {folder}")


def _name(page: pictures.Page) -> str:
    return f"{page.audience}-{page.name}"


def _cookies(address: str, session: str, language: str) -> list[Any]:
    return [
        {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address},
        {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": address},
    ]


def _serve() -> str:
    """The whole application on a free port of this machine, in a thread; its address."""
    from config.asgi import application

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        ws="websockets-sansio",
        loop="asyncio",
        lifespan="off",
        log_level="error",
    )
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
    while not server.started:
        time.sleep(0.02)
    return f"http://127.0.0.1:{listening.getsockname()[1]}"
