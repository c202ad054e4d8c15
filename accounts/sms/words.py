"""The texts of our messages.

With a real provider the words are those of its approved templates; the texts here are what the
sandbox shows, and must say the same.
"""

from typing import Any

from accounts.rules import contacts

TEXTS = {
    "login_code": "【泊位】验证码 {code}，10 分钟内有效。我们不会向您索要它。",
    "new_password": "【泊位】有人为您的工作账号 {name} 申请设置新密码，一小时内有效：{url} "
    "不是您本人请不必理会。",
    "log_in_changed": "【泊位】您的工作账号 {name} 的{what}刚刚更改。"
    "如果不是您本人，请立即联系管理员。",
    "reminder": "【泊位】您在{place}有一笔停车费还没有支付，{amount}。"
    "点此支付或提出异议：{url} 退订回T",
    "reminder_friendly": "【泊位】温馨提醒：您在{place}的停车费 {amount} 可能忘记支付了，"
    "点此一步完成，有疑问也可提出：{url} 退订回T",
    "reminder_support": "【泊位】您在{place}有停车费 {amount} 待付。如有困难或疑问，我们可以帮忙，"
    "点此查看办法、支付或提出异议：{url} 退订回T",
    "demand": "【泊位】您在{place}的停车费 {amount} 请在 {until} 前支付。"
    "查看明细、支付或提出异议：{url}",
    "demand_raised": "【泊位】您在{place}的停车费由 {before} 更正为 {amount}（{why}），"
    "请在 {until} 前支付，此前的期限作废。查看明细、支付或提出异议：{url}",
    "plan": "【泊位】{place}的停车费 {amount} 可以分 {parts} 次支付，没有额外费用：{url} 退订回T",
    "paid_time": "【泊位】您在{place}的停车已付到 {until}。要多停请提前续付，离开则不必理会："
    "{url} 退订回T",
    "lock": "【泊位】{place}的地锁：{what}查看订单：{url}",
    "answer_upheld": "【泊位】您对{place}停车费的异议已被接受，不再向您收取。答复：{url}",
    "answer_rejected": "【泊位】您对{place}停车费的异议已有答复，费用不变。理由和办理：{url}",
    "card_answer": "【泊位】您对{place}月卡扣费的异议已有答复，请查看：{url}",
    "asked_link": "【泊位】您来电询问的{what}，点此查看明细：{url}",
    "receipt": "【泊位】已收到 {amount}，谢谢。明细：{url}",
}

KINDS = {
    "login_code": contacts.CODE,
    "new_password": contacts.CODE,
    "log_in_changed": contacts.URGENT,
    "reminder": contacts.REMINDER,
    "reminder_friendly": contacts.REMINDER,
    "reminder_support": contacts.REMINDER,
    "demand": contacts.DEMAND,
    "demand_raised": contacts.ANSWER,  # it takes back a day that we had named
    "plan": contacts.REMINDER,
    "paid_time": contacts.SERVICE,
    "lock": contacts.URGENT,
    "answer_upheld": contacts.ANSWER,
    "answer_rejected": contacts.ANSWER,
    "card_answer": contacts.ANSWER,
    "asked_link": contacts.URGENT,  # somebody is on the phone and waits for it
    "receipt": contacts.ANSWER,
}


def render(template: str, params: dict[str, Any]) -> str:
    """The message's text. Raises KeyError for an unknown template or a missing parameter."""
    return TEXTS[template].format(**params)
