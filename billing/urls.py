"""Routes of billing."""

from django.urls import path

from billing import views as pages
from billing.api import views

urlpatterns = [
    path("account/balance", views.BalanceView.as_view()),
    path("account/ledger", views.LedgerView.as_view()),
    path("account/usage", views.UsageView.as_view()),
    path("prices", views.PricesView.as_view()),
    path("billing", pages.overview),
    path("billing/top-up", pages.top_up),
    path("billing/auto-top-up", pages.auto_top_up),
    path("billing/alert", pages.alert),
    path("billing/return", pages.checkout_return),
    path("billing/ledger", pages.ledger),
    path("billing/ledger.csv", pages.ledger_csv),
    path("billing/receipts/<int:transfer_id>", pages.receipt),
]
