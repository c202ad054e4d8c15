"""Issues at once, for demos and tests; what it says is no tax invoice."""

from payments.invoices.base import InvoiceAsked, InvoiceSays


class Sandbox:
    """The number of an invoice is made from ours, so that asking twice is one."""

    name = "sandbox"

    def issue(self, asked: InvoiceAsked) -> InvoiceSays:
        return InvoiceSays(stands="done", fapiao_no=f"SANDBOX-{asked.number}")

    def query(self, asked: InvoiceAsked) -> InvoiceSays:
        return self.issue(asked)

    def reverse(self, asked: InvoiceAsked) -> InvoiceSays:
        return InvoiceSays(stands="done", fapiao_no=f"SANDBOX-RED-{asked.number}")

    def query_reversal(self, asked: InvoiceAsked) -> InvoiceSays:
        return self.reverse(asked)
