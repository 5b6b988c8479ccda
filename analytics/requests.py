"""The `analytics` parameter of a job: profile, domain and schema in, one normalised request out.

Called by job intake, which answers 400 with the message of `InvalidAnalytics`. Whether this server can run what is
asked, and what it costs, is not decided here. The rules of a single custom field are in `analytics.fields`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from analytics.catalogue import DOMAINS, SCHEMA_VERSION, pack
from analytics.checks import IDENTIFIER_CHARACTERS, InvalidAnalytics, choice, members, shown, text
from analytics.fields import CustomField, read_fields
from analytics.modules import TIERS, Profile, modules_for

__all__ = ["DEFAULT_SCHEMA_VERSION", "AnalyticsRequest", "InvalidAnalytics", "parse_request"]

DEFAULT_SCHEMA_VERSION = SCHEMA_VERSION
# 50 fields of 100 options with short labels are under 300,000; a request is stored with its job and sent on each poll.
MOST_CHARACTERS = 1_000_000

_NO_PROFILE = ("none", "off")
_PROFILES = (*TIERS, *_NO_PROFILE)
_EXAMPLE = '{"profile":"full","domain":"insurance"}'


@dataclass(frozen=True, slots=True)
class AnalyticsRequest:
    """What one job asks of its transcript: a generic profile, custom fields (a domain's, the caller's own), or both.

    `schema_version` is None exactly when nothing custom is asked. `fields` are the caller's own only.
    """

    profile: Profile | None = None
    domain: str | None = None
    schema_version: str | None = None
    fields: tuple[CustomField, ...] = ()

    @property
    def custom(self) -> bool:
        """Whether custom fields are asked for, by a domain or by the caller: charged apart from the profile."""
        return self.schema_version is not None

    @property
    def asked_fields(self) -> tuple[CustomField, ...]:
        """Every field that is to be answered: the domain's, then the caller's own."""
        of_domain = () if self.domain is None else tuple(it.field for it in pack(self.domain).fields)
        return (*of_domain, *self.fields)

    def normalised(self, *, diarization: bool = False) -> dict[str, object]:
        """The request as a job shows it in `job.analytics`: JSON values only, every default filled in.

        `modules` has `speaker_stats` only with `diarization`; `custom_schema` is null when nothing custom is asked.
        """
        custom_schema = {
            "domain": self.domain,
            "schema_version": self.schema_version,
            "fields": [field.as_json() for field in self.fields],
        }
        return {
            "profile": self.profile,
            "tier": None if self.profile is None else TIERS[self.profile],
            "modules": [module.key for module in modules_for(self.profile, diarization)],
            "custom_schema": custom_schema if self.custom else None,
        }


def parse_request(value: object) -> AnalyticsRequest | None:
    """The request in a JSON text or a JSON object already parsed; None when it asks for no analytics.

    None, an empty text, JSON `null`, `{}`, and profile `none` or `off` with neither domain nor schema ask for none. At
    every level a member that is null counts as absent. Raises InvalidAnalytics at the first mistake.
    """
    document = _decode(value) if isinstance(value, str) else value
    if document is None:
        return None
    present = members(document, "analytics", ("profile", "domain", "schema"))
    profile = choice(present.get("profile", "none"), "analytics.profile", _PROFILES)
    domain = present.get("domain")
    if domain is not None:
        domain = choice(domain, "analytics.domain", DOMAINS)
    schema_version, fields = _read_schema(present.get("schema"), domain)
    if not isinstance(value, str):
        # Every structure is known by now to be shallow, so that writing it out is safe.
        _refuse_oversized(json.dumps(value, ensure_ascii=False))
    if profile in _NO_PROFILE and schema_version is None:
        return None
    return AnalyticsRequest(
        profile=None if profile in _NO_PROFILE else cast(Profile, profile),
        domain=domain,
        schema_version=schema_version,
        fields=fields,
    )


def from_normalised(stored: dict[str, Any]) -> AnalyticsRequest:
    """The request again, from what `normalised` wrote into a job's row."""
    custom = stored["custom_schema"] or {}
    return AnalyticsRequest(
        profile=stored["profile"],
        domain=custom.get("domain"),
        schema_version=custom.get("schema_version"),
        fields=read_fields(custom.get("fields", []), "analytics.schema.fields"),
    )


def _read_schema(schema: object, domain: str | None) -> tuple[str | None, tuple[CustomField, ...]]:
    if schema is None:
        return (DEFAULT_SCHEMA_VERSION if domain else None), ()
    place = "analytics.schema"
    present = members(schema, place, ("schema_version", "fields"))
    version = text(
        present.get("schema_version", DEFAULT_SCHEMA_VERSION), f"{place}.schema_version", IDENTIFIER_CHARACTERS
    )
    fields = read_fields(present.get("fields", []), f"{place}.fields")
    if domain is None and not fields:
        raise InvalidAnalytics(
            f"{place}.fields must list at least one field unless analytics.domain names a pack ({', '.join(DOMAINS)}).",
            f"{place}.fields",
        )
    if domain is not None:
        _refuse_keys_of_pack(fields, domain, f"{place}.fields")
    return version, fields


def _refuse_keys_of_pack(fields: tuple[CustomField, ...], domain: str, place: str) -> None:
    taken = pack(domain).keys
    for index, field in enumerate(fields):
        if field.key in taken:
            key_place = f"{place}[{index}].key"
            raise InvalidAnalytics(
                f"{key_place} {shown(field.key)} is already a field of the {domain} pack, which is added by itself; "
                f"its keys are {', '.join(taken)}.",
                key_place,
            )


def _decode(value: str) -> object:
    if not value.strip():
        return None
    _refuse_oversized(value)
    try:
        return json.loads(value, object_pairs_hook=_object_without_repeats, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message = f"analytics is not valid JSON ({error.msg}, line {error.lineno}, column {error.colno}); "
        raise InvalidAnalytics(f"{message}send an object such as {_EXAMPLE}.", "analytics") from None
    except RecursionError:
        raise InvalidAnalytics("analytics is nested too deeply.", "analytics") from None
    except ValueError:
        # Python refuses to convert integers of more than 4,300 digits.
        raise InvalidAnalytics("analytics contains a number with too many digits.", "analytics") from None


def _object_without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Plain parsing would keep the last of two members in silence.
    found: dict[str, object] = {}
    for name, member in pairs:
        if name in found:
            raise InvalidAnalytics(f"analytics has the member {shown(name)} twice in one object.", "analytics")
        found[name] = member
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidAnalytics(f"analytics is not valid JSON: {name} is not a JSON value.", "analytics")


def _refuse_oversized(written: str) -> None:
    if len(written) > MOST_CHARACTERS:
        raise InvalidAnalytics(
            f"analytics is {len(written):,} characters long; at most {MOST_CHARACTERS:,} are accepted.", "analytics"
        )
