"""What staff fill in to move money: an amount, a reason, and what makes a second click on the button harmless."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.db.models import Sum

from accounts.models import User
from billing import ledger
from billing.models import LedgerAccount, Transfer
from billing.prices import MICROS_PER_USD, micros
from tuplets.errors import Code, TupletsError

# A slip of the keyboard, not a policy: more than this is several postings.
MOST_MICROS = 100_000 * MICROS_PER_USD


class Usd(forms.CharField):
    """An amount in dollars with at most six decimals. Cleaned: micro-dollars."""

    def __init__(self, *, signed: bool = False, **kwargs: Any) -> None:
        self.least = -MOST_MICROS if signed else 1
        super().__init__(max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **kwargs)

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        try:
            amount = micros(text)
        except ValueError:
            raise forms.ValidationError("Enter an amount in dollars, such as 10 or 2.50.") from None
        if amount == 0 or not self.least <= amount <= MOST_MICROS:
            raise forms.ValidationError(
                f"Enter an amount {'that is not' if self.least < 0 else 'above'} zero and at most "
                f"${MOST_MICROS // MICROS_PER_USD:,}."
            )
        return amount


class MoneyForm(forms.Form):
    """`post` calls a verb of the ledger; what the ledger refuses becomes an error of the form. The transfer is the
    audit row: it holds the reason and who posted it. `once` is made when the form is shown, and one form posts once.
    """

    amount = Usd(label="Amount in dollars")
    reason = forms.CharField(
        max_length=300, widget=forms.Textarea(attrs={"rows": 2, "cols": 60}), help_text="The customer sees it."
    )
    once = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, about: Any, actor: User, **kwargs: Any) -> None:
        self.about, self.actor = about, actor
        super().__init__(*args, **kwargs)

    def post(self) -> Transfer | None:
        """The transfer, or None with the reason among the form's errors."""
        fields = self.cleaned_data
        try:
            return self.move(
                amount_micros=fields["amount"], reason=fields["reason"], once=str(fields["once"]), actor=self.actor
            )
        except TupletsError as error:
            # The ledger's sentence for it is about jobs.
            is_too_much = error.code is Code.INSUFFICIENT_CREDIT
            self.add_error("amount", "This is more than is available." if is_too_much else error.detail)
        except ValueError:
            self.add_error(None, "This form was sent before with another amount. Open it again for a second posting.")
        return None

    def move(self, *, once: str, **fields: Any) -> Transfer:
        raise NotImplementedError


class GrantForm(MoneyForm):
    """Of a wallet."""

    about: LedgerAccount

    def move(self, *, once: str, **fields: Any) -> Transfer:
        assert self.about.account is not None
        return ledger.grant(account=self.about.account, reference=f"granted:{once}", **fields)


class AdjustForm(MoneyForm):
    """Of a wallet."""

    about: LedgerAccount
    amount = Usd(label="Amount in dollars", signed=True, help_text="With a minus, it is taken from the balance.")

    def move(self, *, once: str, **fields: Any) -> Transfer:
        assert self.about.account is not None
        return ledger.adjust(account=self.about.account, reference=f"adjusted:{once}", **fields)


class RefundForm(MoneyForm):
    """Of a charge."""

    about: Transfer

    def move(self, *, once: str, **fields: Any) -> Transfer:
        return ledger.refund(charge=self.about, reference=f"refunded:{once}", **fields)

    @property
    def left_micros(self) -> int:
        """What of the charge was not given back."""
        given_back = Transfer.objects.filter(of=self.about, kind=Transfer.Kind.REFUND)
        return self.about.amount_micros - (given_back.aggregate(sum=Sum("amount_micros"))["sum"] or 0)
