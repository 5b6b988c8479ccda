"""Accounts that were verified before there was money get the free credit that new ones get, once."""

from django.db import migrations

GRANT = """
WITH verified AS (
    SELECT DISTINCT m.account_id FROM accounts_membership m
    JOIN accounts_user u ON u.id = m.user_id
    WHERE m.role = 'owner' AND u.email_verified_at IS NOT NULL
)
INSERT INTO billing_ledgeraccount (kind, account_id, balance_micros, held_micros)
SELECT 'wallet', account_id, 0, 0 FROM verified
UNION ALL SELECT 'promotions', NULL, 0, 0 WHERE EXISTS (SELECT FROM verified)
ON CONFLICT DO NOTHING;

INSERT INTO billing_transfer (debit_id, credit_id, kind, amount_micros, subject, reference, reason, detail,
    balance_after_micros, held_after_micros)
SELECT promotions.id, wallet.id, 'grant', 2500000, 'free_credit:' || wallet.account_id,
    'free_credit:' || wallet.account_id, 'Free credit of a new account', '{}', 0, 0
FROM billing_ledgeraccount wallet, billing_ledgeraccount promotions
WHERE wallet.kind = 'wallet' AND promotions.kind = 'promotions' AND EXISTS (
    SELECT FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id
    WHERE m.account_id = wallet.account_id AND m.role = 'owner' AND u.email_verified_at IS NOT NULL)
ON CONFLICT (kind, reference) DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_one_charge"), ("accounts", "0001_initial")]
    operations = [migrations.RunSQL(GRANT, migrations.RunSQL.noop)]
