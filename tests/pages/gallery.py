"""All components on one page, for tests and for eyes: not part of the product."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.template import engines
from django.template.loader import get_template

from core import clock

TEMPLATES = Path(__file__).parent / "templates"


def context() -> dict[str, Any]:
    now = clock.now()
    states = ("paid", "unpaid", "free", "over", "out", "silent")
    return {
        "now": now,
        "plates": [
            {"text": text, "colour": colour}
            for text, colour in [
                ("沪A12345", "blue"),
                ("沪AD12345", "green"),
                ("沪A12345D", "yellow_green"),
                ("沪E30817", "yellow"),
                ("沪B1234挂", "yellow"),
                ("沪A1234警", "white"),
                ("WJ沪1234X", "white"),
                ("VA12345", "white"),
                ("粤Z1234港", "black"),
                ("224578使", "black"),
                ("沪X1234应急", "white"),
                ("沪C88888", ""),
            ]
        ],
        "pills": [
            ("stay", "parked"),
            ("stay", "due"),
            ("debt", "disputed"),
            ("recovery", "raised"),
            ("recovery", "lowered"),
            ("order", "paid"),
            ("order", "closed"),
        ],
        "berths": [
            {
                "number": n,
                "state": states[n * n * n % 11 % 6],
                "lock_up": n == 25,
                "age": "32m",
                "url": f"#b{n}",
            }
            for n in range(1, 27)
        ],
        "steps": [
            {"text": "已支付", "state": "done", "at": now - timedelta(minutes=2)},
            {"text": "正在降锁", "state": "now", "at": now, "note": "通常不到一分钟"},
            {"text": "已降下", "state": "todo"},
            {"text": "请慢行", "state": "failed"},
        ],
        "lines": [
            {
                "text": "首 15 分钟",
                "quantity": 1,
                "unit": "",
                "unit_price_fen": 0,
                "amount_fen": 0,
            },
            {
                "text": "首小时",
                "quantity": 4,
                "unit": "个单位",
                "unit_price_fen": 100,
                "amount_fen": 400,
            },
            {
                "text": "之后",
                "quantity": 2,
                "unit": "个单位",
                "unit_price_fen": 100,
                "amount_fen": 200,
            },
        ],
        "queue": [
            {
                "plate": {"text": "沪B86K20", "colour": "blue", "masked": True},
                "text": "愚园路停车场 3 号 · 已付清，锁已降下 6 分钟",
                "tag": "移走地锁",
                "tone": "signal",
                "url": "#",
                "due_at": now,
                "actions": [{"text": "看一眼", "url": "#", "key": "1"}],
            },
            {
                "title": "传感器 S-0113",
                "text": "32 分钟没有消息",
                "subject": "device",
                "state": "silent",
                "url": "#",
            },
        ],
        "rules": [
            {"ok": True, "text": "自有场地，不在道路上"},
            {"ok": False, "text": "催缴已送达", "why": "还没有送达。"},
        ],
        "evidence": [{"url": "", "text": "进入", "at": now}],
        "table": {
            "page": Paginator(range(200), 50).page(2),
            "files": [("CSV", "#csv"), ("XLSX", "#xlsx")],
            "previous_url": "#previous",
            "next_url": "#next",
        },
    }


def render(request: HttpRequest, name: str = "gallery/components.html") -> str:
    folder = str(TEMPLATES)
    dirs: Any = engines["django"].engine.dirs  # type: ignore[attr-defined]
    if folder not in dirs:
        dirs.append(folder)
    return get_template(name).render(context(), request)
