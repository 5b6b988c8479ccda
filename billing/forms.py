"""What people type on the money pages: amounts to pay, when to be told, what to show of the ledger."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from billing.prices import MICROS_PER_USD, TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS, micros
from billing.statements import KIND_NAMES
from billing.top_up_amounts import THRESHOLD_LEAST_MICROS, THRESHOLD_MOST_MICROS

# What the ledger can show, as its rows are tagged.
KINDS = [("", "Everything"), *((kind.value, name.capitalize()) for kind, name in KIND_NAMES.items())]


class Dollars(forms.CharField):
    """An amount between two others, with cents at most; `$` and spaces are allowed. Cleaned: micro-dollars."""

    def __init__(self, least_micros: int, most_micros: int, **kwargs: Any) -> None:
        self.bounds = least_micros, most_micros
        self.sentence = (
            f"Enter an amount from ${least_micros // 10**6} to ${most_micros // 10**6}, such as 25 or 12.50."
        )
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": 20})
        super().__init__(max_length=20, widget=widget, error_messages={"required": self.sentence}, **kwargs)

    def clean(self, value: Any) -> int:
        text = super().clean(value).replace("$", "").replace(" ", "")
        try:
            amount = micros(text)
        except ValueError:
            raise forms.ValidationError(self.sentence) from None
        if not self.bounds[0] <= amount <= self.bounds[1] or amount % 10_000:
            raise forms.ValidationError(self.sentence)
        return amount


def typed(amount_micros: int) -> str:
    """An amount as a person would type it into a `Dollars`."""
    return f"{Decimal(amount_micros) / MICROS_PER_USD:.2f}"


class SectionForm(forms.Form):
    """One of several forms on a page: the ids of its fields begin with its section."""

    section = ""
    # A button with an amount of its own leaves the field empty, and a browser would not send that.
    use_required_attribute = False

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id=f"{self.section}_%s", **kwargs)


class TopUpForm(SectionForm):
    section = "top-up"
    amount = Dollars(TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS, label="Amount, in dollars")
    save_card = forms.BooleanField(required=False, label="Save the card for automatic top-ups")


class AutoTopUpForm(SectionForm):
    section = "auto"
    enabled = forms.BooleanField(required=False, label="Charge the saved card by itself")
    threshold = Dollars(
        THRESHOLD_LEAST_MICROS, THRESHOLD_MOST_MICROS, label="When less than this is available, in dollars"
    )
    amount = Dollars(TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS, label="Add this much, in dollars")


class AlertForm(SectionForm):
    section = "alert"
    enabled = forms.BooleanField(required=False, label="E-mail the owners of the account when credit runs low")
    threshold = Dollars(0, 10_000_000_000, label="When less than this is available, in dollars")


class LedgerFilter(forms.Form):
    kind = forms.ChoiceField(required=False, label="Show", choices=KINDS)
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        since, until = fields.get("since"), fields.get("until")
        if isinstance(since, date) and isinstance(until, date) and since > until:
            self.add_error("until", "This day is before the first one.")
        return fields
