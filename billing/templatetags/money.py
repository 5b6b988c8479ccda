"""How pages and e-mails write money: dollars with as many decimals as it has, at least two. The API: `prices.usd`."""

from decimal import Decimal

from django import template

from billing.prices import MICROS_PER_USD

register = template.Library()


@register.filter
def usd(amount_micros: int) -> str:
    """1_234_567_890 -> $1,234.56789, -10_000 -> −$0.01."""
    sign = "−" if amount_micros < 0 else ""
    whole, _, decimals = f"{Decimal(abs(amount_micros)) / MICROS_PER_USD:,.6f}".partition(".")
    return f"{sign}${whole}.{decimals.rstrip('0'):0<2}"


@register.filter
def cents(amount_micros: int) -> str:
    """Whole cents, for where there is little room: cut, so that nobody reads more than there is."""
    return usd(amount_micros // 10_000 * 10_000)


@register.filter
def dollars(amount_micros: int) -> str:
    """As a form field takes it: 12_500_000 -> 12.5."""
    return f"{Decimal(amount_micros) / MICROS_PER_USD:f}"


@register.filter
def signed_usd(amount_micros: int) -> str:
    """As `usd`, with a plus before what comes in; a dash for nothing."""
    if amount_micros == 0:
        return "–"
    return f"+{usd(amount_micros)}" if amount_micros > 0 else usd(amount_micros)


@register.filter
def seconds(length: float) -> str:
    """61.5 -> 61.5 s, to the millisecond."""
    return f"{Decimal(str(length)).quantize(Decimal('0.001')).normalize():,f} s"


@register.filter
def duration(seconds: float) -> str:
    """3661.5 -> 1 h 1 min 2 s."""
    whole = round(seconds)
    parts = [(whole // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60, "s")]
    return " ".join(f"{number:,} {unit}" for number, unit in parts if number) or "0 s"
