"""WeChat Pay and Alipay as their manuals describe them, on a port of this machine, with keys of
their own: they verify what we sign and sign what they say (docs/facts.md 5)."""

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from config.local import billing

CITY = ZoneInfo("Asia/Shanghai")
OPENIDS = ["oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"]  # payers whom WeChat knows
ORDERS = tuple(f"/v3/pay/transactions/{kind}" for kind in ("h5", "native", "jsapi"))


@cache
def key(owner: str) -> rsa.RSAPrivateKey:
    """One key pair an owner for the whole run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(owner: str, *, pkcs1: bool = False) -> str:
    form = PrivateFormat.TraditionalOpenSSL if pkcs1 else PrivateFormat.PKCS8
    return key(owner).private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def public_pem(owner: str) -> str:
    public = key(owner).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign(owner: str, text: str) -> str:
    return base64.b64encode(key(owner).sign(text.encode(), PKCS1v15(), SHA256())).decode()


def genuine(owner: str, text: str, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature)
        key(owner).public_key().verify(raw, text.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


class WeChatServer:
    """`/v3/…`: orders, queries, closes, refunds; and the notifications it would send."""

    SERIAL = "PUB_KEY_ID_0114232134912410000000000000"
    API_KEY = "k" * 32
    SETTINGS: ClassVar[dict[str, str]] = {
        "mchid": "1900000109",
        "appid": "wxd678efh567hg6787",
        "apiv3_key": API_KEY,
        "cert_serial_no": "444F4864EA9B34415",
        "app_secret": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "public_key_id": SERIAL,
    }

    def __init__(self) -> None:
        self.trades: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.refund_status = "SUCCESS"
        self.forge_answers = False
        self.codes: dict[str, str] = {}  # of payers who came by: code → openid
        self.sent: list[dict[str, str]] = []  # what we asked the payer's app
        self.bills: dict[str, bytes] = {}  # day → the file, not yet packed
        self.bill_error = "NO_STATEMENT_EXIST"
        self.spoil_bills = False

    def settings(self, url: str) -> dict[str, str]:
        keys = {"private_key": private_pem("us"), "public_key": public_pem("wechat")}
        return {**self.SETTINGS, **keys, "gateway": url}

    def handle(
        self, method: str, target: str, headers: Any, body: str
    ) -> tuple[int, dict[str, str], str | bytes]:
        if target.startswith("/connect/oauth2/authorize?"):
            return self._send_back(target)
        if target.startswith("/sns/oauth2/access_token?"):
            return self._who(target)
        found = re.fullmatch(
            r'WECHATPAY2-SHA256-RSA2048 mchid="(\d+)",nonce_str="(\w+)",signature="(.+)",'
            r'timestamp="(\d+)",serial_no="(\w+)"',
            headers["Authorization"],
        )
        assert found, headers["Authorization"]
        mchid, nonce, signature, stamp, _serial = found.groups()
        asked = f"{method}\n{target}\n{stamp}\n{nonce}\n{body}\n"
        if mchid != self.SETTINGS["mchid"] or not genuine("us", asked, signature):
            return self._answer(401, {"code": "SIGN_ERROR", "message": "wrong signature"})
        if target.startswith("/v3/billdownload/file?"):
            file = self.bills[dict(parse_qsl(urlsplit(target).query))["token"]]
            packed = billing.packed(file + b" " if self.spoil_bills else file)
            return 200, {"Content-Type": "application/octet-stream"}, packed
        if target.startswith("/v3/bill/tradebill?"):
            return self._answer(*self._bill(target, headers["Host"]))
        return self._answer(*self._route(method, urlsplit(target).path, body))

    def _bill(self, target: str, host: str) -> tuple[int, dict[str, Any]]:
        asked = dict(parse_qsl(urlsplit(target).query))
        assert (asked["bill_type"], asked["tar_type"]) == ("ALL", "GZIP")
        file = self.bills.get(asked["bill_date"])
        if file is None:
            return 400, {"code": self.bill_error, "message": "账单文件不存在"}
        return 200, {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(file, usedforsecurity=False).hexdigest(),
            "download_url": f"http://{host}/v3/billdownload/file?token={asked['bill_date']}",
        }

    def _send_back(self, target: str) -> tuple[int, dict[str, str], str]:
        """The payer's app opens the address that we sent it to: silently on, with a code."""
        asked = dict(parse_qsl(urlsplit(target).query))
        assert asked["appid"] == self.SETTINGS["appid"]
        assert (asked["response_type"], asked["scope"]) == ("code", "snsapi_base")
        assert re.fullmatch(r"[0-9A-Za-z]{1,128}", asked["state"])
        self.sent.append(asked)
        code = secrets.token_hex(16)
        self.codes[code] = OPENIDS[0]
        back = f"{asked['redirect_uri']}?code={code}&state={asked['state']}"
        return 302, {"Location": back}, ""

    def _who(self, target: str) -> tuple[int, dict[str, str], str]:
        asked = dict(parse_qsl(urlsplit(target).query))
        told: dict[str, Any] = {"errcode": 40163, "errmsg": "code been used"}
        ours = (self.SETTINGS["appid"], self.SETTINGS["app_secret"])
        if (asked["appid"], asked["secret"]) != ours:
            told = {"errcode": 40125, "errmsg": "invalid appsecret"}
        elif openid := self.codes.pop(asked["code"], None):
            told = {"access_token": "T", "expires_in": 7200, "openid": openid}
            told["scope"] = "snsapi_base"
        return 200, {"Content-Type": "text/plain"}, json.dumps(told)

    def confirm(self, request: dict[str, str]) -> str:
        """The payer confirms the sheet that a page opened with these parameters, if WeChat would
        open it: right app, signed by us; the number of the trade."""
        signed = [request[name] for name in ("appId", "timeStamp", "nonceStr", "package")]
        assert request["signType"] == "RSA"
        assert genuine("us", "\n".join(signed) + "\n", request["paySign"]), "wrong signature"
        assert request["appId"] == self.SETTINGS["appid"]
        assert abs(int(request["timeStamp"]) - time.time()) < 60
        number = request["package"].removeprefix("prepay_id=wx")
        self.pay(number)
        return number

    def _answer(self, status: int, told: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        text = json.dumps(told, ensure_ascii=False) if told else ""
        owner = "nobody" if self.forge_answers else "wechat"
        return status, self.signed(text, owner), text

    def signed(self, text: str, owner: str = "wechat", stamp: int | None = None) -> dict[str, str]:
        stamp, nonce = stamp or int(time.time()), secrets.token_hex(16)
        return {
            "Content-Type": "application/json",
            "Wechatpay-Signature": sign(owner, f"{stamp}\n{nonce}\n{text}\n"),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
            "Wechatpay-Timestamp": str(stamp),
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.SERIAL,
        }

    def _route(self, method: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        asked = json.loads(body) if body else {}
        if path in ORDERS:
            assert asked["appid"] == self.SETTINGS["appid"]
            assert asked["mchid"] == self.SETTINGS["mchid"]
            assert re.fullmatch(r"[0-9A-Za-z]{6,32}", asked["out_trade_no"])
            assert isinstance(asked["amount"]["total"], int)
            assert asked["time_expire"].endswith("+08:00")
            self.trades[asked["out_trade_no"]] = {**asked, "trade_state": "NOTPAY"}
            if path.endswith("native"):
                return 200, {"code_url": "weixin://wxpay/bizpayurl?pr=" + asked["out_trade_no"]}
            if path.endswith("jsapi"):
                if asked["payer"]["openid"] not in OPENIDS:
                    return 400, {"code": "PARAM_ERROR", "message": "openid"}
                return 200, {"prepay_id": "wx" + asked["out_trade_no"]}
            assert asked["scene_info"]["payer_client_ip"]
            return 200, {"h5_url": "https://wx.tenpay.com/checkmweb?prepay_id=1"}
        if found := re.fullmatch(r"/v3/pay/transactions/out-trade-no/(\w+)(/close)?", path):
            trade = self.trades.get(found[1])
            if trade is None:
                return 404, {"code": "ORDER_NOT_EXIST", "message": "no such order"}
            if not found[2]:
                return 200, self.resource(found[1])
            if trade["trade_state"] == "SUCCESS":
                return 400, {"code": "ORDERPAID", "message": "paid"}
            trade["trade_state"] = "CLOSED"
            return 204, {}
        if path == "/v3/refund/domestic/refunds":
            number = asked["out_refund_no"]
            assert self.trades[asked["out_trade_no"]]["trade_state"] == "SUCCESS"
            self.refunds.setdefault(number, {**asked, "refund_id": "50" + number})
            return 200, {**self.refunds[number], "status": self.refund_status}
        if found := re.fullmatch(r"/v3/refund/domestic/refunds/(\w+)", path):
            if found[1] not in self.refunds:
                return 404, {"code": "RESOURCE_NOT_EXISTS", "message": "no such refund"}
            return 200, {**self.refunds[found[1]], "status": self.refund_status}
        return 404, {"code": "NOT_FOUND", "message": path}

    def pay(self, out_trade_no: str) -> None:
        at = datetime.now(CITY).isoformat(timespec="seconds")
        self.trades[out_trade_no] |= {
            "trade_state": "SUCCESS",
            "success_time": at,
            "transaction_id": "42" + out_trade_no,
        }

    def resource(self, out_trade_no: str) -> dict[str, Any]:
        kept = self.trades[out_trade_no]
        names = ("appid", "mchid", "out_trade_no", "trade_state", "success_time", "transaction_id")
        told = {name: kept[name] for name in names if name in kept}
        return {**told, "amount": kept["amount"], "payer": {"openid": "o"}}

    def notification(
        self, resource: dict[str, Any], event: str = "TRANSACTION.SUCCESS", **how: Any
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body, encrypted with AES-256-GCM and signed, as WeChat posts them."""
        nonce, about = secrets.token_hex(6), "transaction"
        sealed = AESGCM(self.API_KEY.encode()).encrypt(
            nonce.encode(), json.dumps(resource).encode(), about.encode()
        )
        text = json.dumps(
            {
                "id": secrets.token_hex(8),
                "create_time": datetime.now(CITY).isoformat(timespec="seconds"),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": "支付成功",
                "resource": {
                    "original_type": about,
                    "algorithm": "AEAD_AES_256_GCM",
                    "ciphertext": base64.b64encode(sealed).decode(),
                    "associated_data": about,
                    "nonce": nonce,
                },
            },
            ensure_ascii=False,
        )
        return self.signed(text, **how), text.encode()


class AlipayServer:
    """`gateway.do`: queries, codes, closes, refunds; and the notifications it would send."""

    APP, SELLER = "2021000000000001", "2088102146225135"

    def __init__(self) -> None:
        self.trades: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, str] = {}
        self.forge_answers = False
        self.bills: dict[str, bytes] = {}  # day → the zip
        self.bill_host = ""  # another one that bills are said to lie at

    def settings(self, url: str) -> dict[str, str]:
        return {
            "appid": self.APP,
            "seller_id": self.SELLER,
            "private_key": private_pem("us", pkcs1=True),
            "alipay_public_key": public_pem("alipay"),
            "gateway": url + "/gateway.do",
        }

    def handle(
        self, method: str, target: str, headers: Any, body: str
    ) -> tuple[int, dict[str, str], str | bytes]:
        if target.startswith("/bills/"):
            return 200, {"Content-Type": "application/zip"}, self.bills[target[7:]]
        asked = self.read(target)
        terms = json.loads(asked["biz_content"])
        found = (
            self._bill(terms, headers["Host"])
            if asked["method"] == "alipay.data.dataservice.bill.downloadurl.query"
            else self._route(asked["method"], terms)
        )
        told = json.dumps(found, ensure_ascii=False)
        name = asked["method"].replace(".", "_") + "_response"
        owner = "nobody" if self.forge_answers else "alipay"
        text = f'{{"{name}":{told},"sign":"{sign(owner, told)}"}}'
        return 200, {"Content-Type": "text/html;charset=utf-8"}, text

    def _bill(self, asked: dict[str, Any], host: str) -> dict[str, Any]:
        assert asked["bill_type"] == "trade"
        if asked["bill_date"] not in self.bills:
            sub = {"sub_code": "isp.bill_not_exist", "sub_msg": "账单不存在"}
            return {"code": "40004", "msg": "Business Failed", **sub}
        place = f"http://{self.bill_host or host}/bills/{asked['bill_date']}"
        return self._yes(bill_download_url=place)

    def read(self, target: str) -> dict[str, str]:
        """What we asked, once its RSA2 signature and its terms have been verified."""
        asked = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
        signature = asked.pop("sign")
        text = "&".join(f"{name}={value}" for name, value in sorted(asked.items()))
        assert genuine("us", text, signature), "wrong signature"
        assert (asked["app_id"], asked["sign_type"]) == (self.APP, "RSA2")
        at = datetime.strptime(asked["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CITY)
        assert abs((datetime.now(CITY) - at).total_seconds()) < 60, "not at +08:00"
        return asked

    def open(self, pay_url: str) -> str:
        """The payer opens the wap page; the number of the trade."""
        asked = self.read(pay_url)
        terms = json.loads(asked["biz_content"])
        assert asked["method"] == "alipay.trade.wap.pay"
        self.trades[terms["out_trade_no"]] = {**terms, "trade_status": "WAIT_BUYER_PAY"}
        return str(terms["out_trade_no"])

    def _route(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        number = asked["out_trade_no"]
        if method == "alipay.trade.precreate":
            self.trades[number] = {**asked, "trade_status": "WAIT_BUYER_PAY"}
            return self._yes(out_trade_no=number, qr_code=f"https://qr.alipay.com/{number}")
        trade = self.trades.get(number)
        if trade is None:
            sub = {"sub_code": "ACQ.TRADE_NOT_EXIST", "sub_msg": "交易不存在"}
            return {"code": "40004", "msg": "Business Failed", **sub}
        if method == "alipay.trade.query":
            names = ("out_trade_no", "total_amount", "trade_status", "trade_no", "send_pay_date")
            return self._yes(**{name: trade[name] for name in names if name in trade})
        if method == "alipay.trade.close":
            trade["trade_status"] = "TRADE_CLOSED"
            return self._yes(out_trade_no=number)
        if method == "alipay.trade.refund":
            fresh = asked["out_request_no"] not in self.refunds
            self.refunds.setdefault(asked["out_request_no"], asked["refund_amount"])
            change = "Y" if fresh else "N"
            return self._yes(trade_no=trade["trade_no"], fund_change=change)
        assert method == "alipay.trade.fastpay.refund.query"
        amount = self.refunds.get(asked["out_request_no"])
        if amount is None:
            return self._yes()
        return self._yes(
            refund_amount=amount, refund_status="REFUND_SUCCESS", trade_no=trade["trade_no"]
        )

    def _yes(self, **told: Any) -> dict[str, Any]:
        return {"code": "10000", "msg": "Success", **told}

    def pay(self, out_trade_no: str) -> None:
        self.trades[out_trade_no] |= {
            "trade_status": "TRADE_SUCCESS",
            "trade_no": "2026" + out_trade_no,
            "send_pay_date": datetime.now(CITY).strftime("%Y-%m-%d %H:%M:%S"),
        }

    def notification(
        self, out_trade_no: str, owner: str = "alipay", **other: str
    ) -> tuple[dict[str, str], bytes]:
        """Headers and form, signed as Alipay posts it."""
        trade = self.trades[out_trade_no]
        form = {
            "app_id": self.APP,
            "seller_id": self.SELLER,
            "notify_type": "trade_status_sync",
            "notify_id": secrets.token_hex(8),
            "out_trade_no": out_trade_no,
            "trade_no": trade.get("trade_no", ""),
            "trade_status": trade["trade_status"],
            "total_amount": trade["total_amount"],
            "subject": trade["subject"],
            "gmt_payment": trade.get("send_pay_date", ""),
            "charset": "utf-8",
            "version": "1.0",
            **other,
        }
        text = "&".join(f"{name}={value}" for name, value in sorted(form.items()))
        form |= {"sign": sign(owner, text), "sign_type": "RSA2"}
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return headers, urlencode(form).encode()


@contextmanager
def serving(server: WeChatServer | AlipayServer) -> Iterator[str]:
    """The server on a free port; its address."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            status, headers, text = server.handle(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            answer = text if isinstance(text, bytes) else text.encode()
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join(5)
