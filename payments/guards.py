"""Triggers of PostgreSQL that guard the books (docs/rules.md 5).

The first migration runs them from here, so this file is frozen with it (`core/frozen.py`): another
guard, or another form of one, comes as SQL in a new migration.
"""

ADD = """
CREATE FUNCTION payments_books_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only added to; a correction is a new transfer'
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION payments_books_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    which bigint;
    total bigint;
    sides integer;
BEGIN
    IF TG_TABLE_NAME = 'payments_ledgertransfer' THEN
        which := NEW.id;
    ELSE
        which := NEW.transfer_id;
    END IF;
    SELECT coalesce(sum(amount_fen), 0), count(*) INTO total, sides
        FROM payments_ledgerentry WHERE transfer_id = which;
    IF total <> 0 OR sides < 2 THEN
        RAISE EXCEPTION 'transfer % does not balance: % fen in % entries', which, total, sides
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER payments_ledgerentry_only_grows BEFORE UPDATE OR DELETE ON payments_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION payments_books_only_grow();
CREATE TRIGGER payments_ledgertransfer_only_grows
    BEFORE UPDATE OR DELETE ON payments_ledgertransfer
    FOR EACH ROW EXECUTE FUNCTION payments_books_only_grow();
CREATE CONSTRAINT TRIGGER payments_ledgerentry_balances AFTER INSERT ON payments_ledgerentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_books_balance();
CREATE CONSTRAINT TRIGGER payments_ledgertransfer_balances AFTER INSERT ON payments_ledgertransfer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_books_balance();

CREATE FUNCTION payments_paid_stays_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'paid is the end: % % stays paid', TG_TABLE_NAME, OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER payments_order_stays_paid BEFORE UPDATE OF state ON payments_order
    FOR EACH ROW WHEN (OLD.state = 'paid' AND NEW.state <> 'paid')
    EXECUTE FUNCTION payments_paid_stays_paid();
CREATE TRIGGER payments_attempt_stays_paid BEFORE UPDATE OF state ON payments_attempt
    FOR EACH ROW WHEN (OLD.state = 'paid' AND NEW.state <> 'paid')
    EXECUTE FUNCTION payments_paid_stays_paid();
"""

DROP = """
DROP TRIGGER payments_attempt_stays_paid ON payments_attempt;
DROP TRIGGER payments_order_stays_paid ON payments_order;
DROP FUNCTION payments_paid_stays_paid();
DROP TRIGGER payments_ledgertransfer_balances ON payments_ledgertransfer;
DROP TRIGGER payments_ledgerentry_balances ON payments_ledgerentry;
DROP TRIGGER payments_ledgertransfer_only_grows ON payments_ledgertransfer;
DROP TRIGGER payments_ledgerentry_only_grows ON payments_ledgerentry;
DROP FUNCTION payments_books_balance();
DROP FUNCTION payments_books_only_grow();
"""
