from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from accounts.services import email_verified
        from billing.ledger import grant_free_credit

        email_verified.connect(grant_free_credit, dispatch_uid="billing.free_credit")
