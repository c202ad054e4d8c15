"""Paying as a driver does: the bill, the cashier, the sandbox's page, the receipt."""

from config.persons.browser import Browser, Page, PageError


def pay_berth(browser: Browser, berth_path: str) -> Page:
    """Pay for the stay at a berth, by the address in its code; the receipt.

    Raises PageError where there is nothing to pay.
    """
    page = browser.get(berth_path)
    return pay_order(browser, browser.submit(page, page.form("/s/", having="idempotency_key")))


def pay_order(browser: Browser, page: Page) -> Page:
    """From the cashier's page to the receipt, in the sandbox. Raises PageError."""
    page = browser.submit(page, page.form("/o/", having="provider"), provider="sandbox")
    page = browser.submit(page, page.form("/sandbox/"))
    if "/done/" not in page.url:
        raise PageError(f"paying ended at {page.url}")
    return page
