"""`manage.py create_account`, for operators and scripts."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Account
from billing import ledger
from billing.models import Transfer

pytestmark = pytest.mark.django_db


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command("create_account", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_json_has_account_email_and_a_key_that_works():
    out, _ = run("--email", "Op@Example.org", "--verified", "--json")
    made = json.loads(out)
    assert set(made) == {"account_id", "email", "api_key"}
    assert made["email"] == "op@example.org"
    assert Client(headers={"Authorization": f"Bearer {made['api_key']}"}).get("/jobs").status_code == 200


def test_without_verified_the_key_may_not_do_jobs_yet():
    made = json.loads(run("--email", "op@example.org", "--json")[0])
    assert Client(headers={"Authorization": f"Bearer {made['api_key']}"}).get("/jobs").status_code == 403


def test_the_text_form_shows_the_key():
    assert "tb_" in run("--email", "op@example.org")[0]


def test_opening_credit_comes_beside_the_free_credit():
    made = json.loads(run("--email", "op@example.org", "--verified", "--credit", "10.00", "--json")[0])
    assert ledger.available_micros(Account.objects.get(pk=made["account_id"])) == 12_500_000


def test_credit_can_be_granted_later_with_a_reason():
    made = json.loads(run("--email", "op@example.org", "--json")[0])
    call_command("grant_credit", email="Op@example.org", usd="7.25", reason="A talk at our conference")
    assert ledger.available_micros(Account.objects.get(pk=made["account_id"])) == 7_250_000
    assert Transfer.objects.get(kind="grant").reason == "A talk at our conference"


@pytest.mark.parametrize(("email", "usd"), [("no@example.org", "1"), ("op@example.org", "0"), ("op@example.org", "x")])
def test_credit_for_nobody_or_of_nothing_is_refused(email, usd):
    run("--email", "op@example.org")
    with pytest.raises(CommandError):
        call_command("grant_credit", email=email, usd=usd, reason="x")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--email", "no-mail"],
        ["--email", "x@example.org", "--credit", "lots"],
        ["--email", "x@example.org", "--credit", "-1"],
        ["--email", "x@example.org", "--credit", "NaN"],
    ],
)
def test_bad_arguments_end_in_one_sentence(arguments):
    with pytest.raises(CommandError):
        run(*arguments)


def test_long_emails_and_names_are_cut_not_refused():
    run("--email", f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.org", "--name", "x" * 500)


def test_a_taken_email_is_refused_whatever_its_case():
    run("--email", "op@example.org")
    with pytest.raises(CommandError, match="taken"):
        run("--email", "OP@example.org")
