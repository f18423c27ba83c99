-- Two starts of one person at the same moment would not see each other, and each leave the other's challenge live:
-- from the insertion of an enrollment to the end of its transaction, its person's other starts wait. (SQLite has one
-- writer at a time anyway.) Prisma's models know no triggers: this file alone tells of it.
CREATE FUNCTION "one_start_at_a_time"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW."userId", 0));
    RETURN NEW;
END;
$$;

CREATE TRIGGER "Enrollment_one_start_at_a_time" BEFORE INSERT ON "Enrollment"
    FOR EACH ROW EXECUTE FUNCTION "one_start_at_a_time"();
