"""/account/balance, /account/ledger, /account/usage and /prices. Nothing here moves money."""

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import account_of
from billing import statements
from billing import usage as spending
from billing.api.serializers import (
    ListEntries,
    UsagePeriod,
    balance_row,
    entry_row,
    group_row,
    prices_document,
    spent_row,
)
from tuplets.http import read_query


class BalanceView(APIView):
    def get(self, request: Request) -> Response:
        return Response(balance_row(statements.balance_of(account_of(request))))


class LedgerView(APIView):
    def get(self, request: Request) -> Response:
        found, next_cursor = statements.entries(account_of(request), **read_query(ListEntries, request))
        return Response({"items": [entry_row(entry) for entry in found], "next_cursor": next_cursor})


class UsageView(APIView):
    def get(self, request: Request) -> Response:
        account, query = account_of(request), read_query(UsagePeriod, request)
        group_by, period = query["group_by"], {"since": query["since"], "until": query["until"]}
        rows = spending.usage(account, group_by=[group_by], **period)
        if group_by == "day":
            rows = spending.every_day(rows, **period)
        keys = spending.keys_of(account, rows)
        return Response(
            {
                "group_by": group_by,
                "since": period["since"].isoformat(),
                "until": period["until"].isoformat(),
                "items": [group_row(row, group_by, keys) for row in rows],
                "total": spent_row(spending.total(account, **period)),
            }
        )


class PricesView(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response(prices_document())
