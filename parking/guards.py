"""The trigger of PostgreSQL that keeps a used tariff version as it is (docs/features.md 24).

The first migration runs them from here, so this file is frozen with it (`core/frozen.py`): another
guard, or another form of one, comes as SQL in a new migration.
"""

FORWARD = """
CREATE FUNCTION parking_tariff_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.first_used_at IS NOT NULL AND (
        TG_OP = 'DELETE' OR NEW.terms IS DISTINCT FROM OLD.terms
        OR NEW.valid_from <> OLD.valid_from OR NEW.tariff_id <> OLD.tariff_id
        OR NEW.number <> OLD.number OR NEW.first_used_at IS NULL
    ) THEN
        RAISE EXCEPTION 'a tariff version that stays have used cannot change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER parking_tariff_version_guard BEFORE UPDATE OR DELETE ON parking_tariffversion
    FOR EACH ROW EXECUTE FUNCTION parking_tariff_version_guard();
"""

BACKWARD = """
DROP TRIGGER parking_tariff_version_guard ON parking_tariffversion;
DROP FUNCTION parking_tariff_version_guard();
"""
