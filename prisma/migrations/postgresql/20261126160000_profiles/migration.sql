-- Profiles, people and the allow list; an enrollment may have several deliveries.
-- CreateTable
CREATE TABLE "Profile" (
    "name" TEXT NOT NULL,
    "latest" INTEGER NOT NULL,
    "published" INTEGER,
    "publishedAt" TIMESTAMP(3),

    CONSTRAINT "Profile_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "ProfileVersion" (
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "document" TEXT NOT NULL,
    "note" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "by" TEXT NOT NULL,

    CONSTRAINT "ProfileVersion_pkey" PRIMARY KEY ("name","version")
);

-- CreateTable
CREATE TABLE "ProfileSecret" (
    "profile" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "sealed" BYTEA NOT NULL,

    CONSTRAINT "ProfileSecret_pkey" PRIMARY KEY ("profile","name","version")
);

-- CreateTable
CREATE TABLE "Person" (
    "id" TEXT NOT NULL,
    "email" TEXT,
    "user" TEXT NOT NULL,
    "signedInAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Person_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PersonGroup" (
    "group" TEXT NOT NULL,
    "userId" TEXT NOT NULL,

    CONSTRAINT "PersonGroup_pkey" PRIMARY KEY ("group","userId")
);

-- CreateTable
CREATE TABLE "AllowedDevice" (
    "value" TEXT NOT NULL,
    "note" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "by" TEXT NOT NULL,

    CONSTRAINT "AllowedDevice_pkey" PRIMARY KEY ("value")
);

-- AlterTable. Deliveries of before are their journeys'.
ALTER TABLE "Delivery" ADD COLUMN "number" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "kind" TEXT NOT NULL DEFAULT 'first',
ADD COLUMN "contents" TEXT NOT NULL DEFAULT '',
ADD COLUMN "confirmedAt" TIMESTAMP(3);
ALTER TABLE "Delivery" ALTER COLUMN "number" DROP DEFAULT,
ALTER COLUMN "kind" DROP DEFAULT,
DROP CONSTRAINT "Delivery_pkey",
ADD CONSTRAINT "Delivery_pkey" PRIMARY KEY ("enrollmentId", "number");

-- DropIndex
DROP INDEX "Delivery_certificateSerialNumber_key";

-- CreateIndex
CREATE INDEX "Delivery_certificateSerialNumber_idx" ON "Delivery"("certificateSerialNumber");

-- CreateIndex
CREATE INDEX "Person_email_idx" ON "Person"("email");

-- CreateIndex
CREATE INDEX "PersonGroup_userId_idx" ON "PersonGroup"("userId");

-- AddForeignKey
ALTER TABLE "ProfileVersion" ADD CONSTRAINT "ProfileVersion_name_fkey" FOREIGN KEY ("name") REFERENCES "Profile"("name") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "ProfileSecret" ADD CONSTRAINT "ProfileSecret_profile_version_fkey" FOREIGN KEY ("profile", "version") REFERENCES "ProfileVersion"("name", "version") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "PersonGroup" ADD CONSTRAINT "PersonGroup_userId_fkey" FOREIGN KEY ("userId") REFERENCES "Person"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- People are known by their newest enrollment; the groups of one that PostgreSQL cannot read (a NUL, half a surrogate pair)
-- are those of the next sign-in.
INSERT INTO "Person" ("id", "email", "user", "signedInAt")
    SELECT "userId", "userEmail", "user", "createdAt" FROM
        (SELECT *, row_number() OVER (PARTITION BY "userId" ORDER BY "createdAt" DESC, "id" DESC) AS "n"
        FROM "Enrollment" WHERE "state" <> 'minted') AS "newest" WHERE "n" = 1;
CREATE FUNCTION pg_temp."groups"("object" TEXT) RETURNS SETOF TEXT LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT DISTINCT json_array_elements_text(coalesce("object"::json -> 'groups', '[]'::json));
EXCEPTION WHEN data_exception THEN
    RETURN;
END;
$$;
INSERT INTO "PersonGroup" ("group", "userId")
    SELECT "group", "Person"."id" FROM "Person", pg_temp."groups"("Person"."user") AS "group";
