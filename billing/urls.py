"""Routes of billing."""

from django.urls import path

from billing import views as pages
from billing.api import views

urlpatterns = [
    path("account/balance", views.BalanceView.as_view()),
    path("account/ledger", views.LedgerView.as_view()),
    path("account/usage", views.UsageView.as_view()),
    path("prices", views.PricesView.as_view()),
    path("dashboard/billing", pages.overview),
    path("dashboard/billing/top-up", pages.top_up),
    path("dashboard/billing/auto-top-up", pages.auto_top_up),
    path("dashboard/billing/alert", pages.alert),
    path("dashboard/billing/return", pages.checkout_return),
    path("dashboard/billing/ledger", pages.ledger),
    path("dashboard/billing/ledger.csv", pages.ledger_csv),
    path("dashboard/billing/receipts/<int:transfer_id>", pages.receipt),
]
