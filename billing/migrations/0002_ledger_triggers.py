"""The triggers that make the ledger what it promises to be, whatever writes to it: ORM, bulk statement, admin or psql.

A transfer locks its one wallet, so transfers of a wallet are posted one after another; no transfer locks two. Its id is
drawn under that lock: ids are the order of a wallet's balances. The sums of the house's accounts are not kept.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION billing_refuse(name text, message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'check_violation', CONSTRAINT = name;
END $$;

-- What a transfer does to its wallet's balance and to what it holds.
CREATE FUNCTION billing_effect(row_ billing_transfer, OUT balance bigint, OUT held bigint) LANGUAGE plpgsql AS $$
DECLARE
    spends boolean; source_amount bigint;
BEGIN
    SELECT kind = 'wallet' INTO spends FROM billing_ledgeraccount WHERE id = row_.debit_id;
    SELECT amount_micros INTO source_amount FROM billing_transfer WHERE id = row_.of_id;
    balance := CASE WHEN row_.kind IN ('hold', 'release') THEN 0
        WHEN spends THEN -row_.amount_micros ELSE row_.amount_micros END;
    held := CASE WHEN row_.kind = 'hold' THEN row_.amount_micros
        WHEN row_.kind IN ('capture', 'release') THEN -source_amount ELSE 0 END;
END $$;

CREATE FUNCTION billing_post() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    from_kind text; to_kind text;
    wallet billing_ledgeraccount; source billing_transfer; effect record; used bigint;
BEGIN
    SELECT kind INTO from_kind FROM billing_ledgeraccount WHERE id = NEW.debit_id;
    SELECT kind INTO to_kind FROM billing_ledgeraccount WHERE id = NEW.credit_id;
    IF NOT coalesce(CASE NEW.kind
        WHEN 'deposit' THEN from_kind = 'cash' AND to_kind = 'wallet'
        WHEN 'grant' THEN from_kind = 'promotions' AND to_kind = 'wallet'
        WHEN 'hold' THEN from_kind = 'wallet' AND to_kind = 'revenue'
        WHEN 'capture' THEN from_kind = 'wallet' AND to_kind = 'revenue'
        WHEN 'release' THEN from_kind = 'wallet' AND to_kind = 'revenue'
        WHEN 'refund' THEN from_kind = 'revenue' AND to_kind = 'wallet'
        WHEN 'reversal' THEN from_kind = 'wallet' AND to_kind = 'cash'
        WHEN 'adjustment' THEN 'wallet' IN (from_kind, to_kind) AND 'adjustments' IN (from_kind, to_kind)
    END, false) THEN
        PERFORM billing_refuse('transfer_accounts_by_kind', 'a ' || NEW.kind || ' is not between these accounts');
    END IF;

    SELECT * INTO STRICT wallet FROM billing_ledgeraccount
    WHERE id = CASE WHEN from_kind = 'wallet' THEN NEW.debit_id ELSE NEW.credit_id END
    FOR NO KEY UPDATE;

    IF NEW.of_id IS NOT NULL THEN
        SELECT * INTO source FROM billing_transfer WHERE id = NEW.of_id;
        IF source.kind IS DISTINCT FROM (CASE NEW.kind
                WHEN 'capture' THEN 'hold' WHEN 'release' THEN 'hold' WHEN 'refund' THEN 'capture' ELSE 'deposit' END)
            OR NOT (wallet.id IN (source.debit_id, source.credit_id)) THEN
            PERFORM billing_refuse('transfer_of_fits', 'a ' || NEW.kind || ' is not of such a transfer');
        END IF;
        SELECT coalesce(sum(amount_micros), 0) INTO used FROM billing_transfer
        WHERE of_id = NEW.of_id AND kind = NEW.kind;
        IF NEW.amount_micros > source.amount_micros
            OR (NEW.kind IN ('refund', 'reversal') AND used + NEW.amount_micros > source.amount_micros)
            OR (NEW.kind = 'release' AND NEW.amount_micros <> source.amount_micros) THEN
            PERFORM billing_refuse('transfer_within_source', 'more than is left of the transfer it is of');
        END IF;
    END IF;

    IF (NEW.kind = 'hold' OR (NEW.kind = 'adjustment' AND from_kind = 'wallet'))
        AND NEW.amount_micros > wallet.balance_micros - wallet.held_micros THEN
        PERFORM billing_refuse('transfer_within_available', 'more than is available');
    END IF;

    SELECT * INTO effect FROM billing_effect(NEW);
    NEW.id := nextval(pg_get_serial_sequence('billing_transfer', 'id'));
    NEW.created_at := clock_timestamp();
    NEW.balance_after_micros := wallet.balance_micros + effect.balance;
    NEW.held_after_micros := wallet.held_micros + effect.held;
    RETURN NEW;
END $$;

-- After the insert, so that one that is skipped for its reference has changed nothing; the wallet is locked since before.
-- Of several rows in one statement, all were let in by the balance before the first: such a statement is refused.
CREATE FUNCTION billing_keep_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wallet billing_ledgeraccount; effect record;
BEGIN
    SELECT * INTO effect FROM billing_effect(NEW);
    UPDATE billing_ledgeraccount
    SET balance_micros = balance_micros + effect.balance, held_micros = held_micros + effect.held
    WHERE id IN (NEW.debit_id, NEW.credit_id) AND kind = 'wallet'
    RETURNING * INTO STRICT wallet;
    IF (wallet.balance_micros, wallet.held_micros) <> (NEW.balance_after_micros, NEW.held_after_micros) THEN
        PERFORM billing_refuse('transfer_one_at_a_time', 'one transfer of a wallet a statement');
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION billing_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing_refuse('transfer_is_immutable', 'the ledger is only ever added to: post a transfer that undoes it');
END $$;

CREATE FUNCTION billing_only_by_transfers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        PERFORM billing_refuse('ledgeraccount_by_transfers', 'balances change by transfers alone');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER billing_post BEFORE INSERT ON billing_transfer FOR EACH ROW EXECUTE FUNCTION billing_post();
CREATE TRIGGER billing_keep_balance AFTER INSERT ON billing_transfer
    FOR EACH ROW EXECUTE FUNCTION billing_keep_balance();
CREATE TRIGGER billing_never_changed BEFORE UPDATE OR DELETE ON billing_transfer
    FOR EACH ROW EXECUTE FUNCTION billing_never();
CREATE TRIGGER billing_never_emptied BEFORE TRUNCATE ON billing_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION billing_never();
CREATE TRIGGER billing_balance_kept BEFORE UPDATE ON billing_ledgeraccount FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION billing_only_by_transfers();
CREATE TRIGGER billing_opens_empty BEFORE INSERT ON billing_ledgeraccount FOR EACH ROW
    WHEN (NEW.balance_micros <> 0 OR NEW.held_micros <> 0) EXECUTE FUNCTION billing_only_by_transfers();
"""
DROP = """
DROP TRIGGER billing_opens_empty ON billing_ledgeraccount;
DROP TRIGGER billing_balance_kept ON billing_ledgeraccount;
DROP TRIGGER billing_never_emptied ON billing_transfer;
DROP TRIGGER billing_never_changed ON billing_transfer;
DROP TRIGGER billing_keep_balance ON billing_transfer;
DROP TRIGGER billing_post ON billing_transfer;
DROP FUNCTION billing_only_by_transfers();
DROP FUNCTION billing_never();
DROP FUNCTION billing_keep_balance();
DROP FUNCTION billing_post();
DROP FUNCTION billing_effect(billing_transfer);
DROP FUNCTION billing_refuse(text, text);
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
