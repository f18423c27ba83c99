-- Profiles, people and the allow list; an enrollment may have several deliveries.
-- SQLite would apply one statement after the other: all or none of them.
BEGIN IMMEDIATE;

-- CreateTable
CREATE TABLE "Profile" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "latest" INTEGER NOT NULL,
    "published" INTEGER,
    "publishedAt" DATETIME
);

-- CreateTable
CREATE TABLE "ProfileVersion" (
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "document" TEXT NOT NULL,
    "note" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "by" TEXT NOT NULL,

    PRIMARY KEY ("name", "version"),
    CONSTRAINT "ProfileVersion_name_fkey" FOREIGN KEY ("name") REFERENCES "Profile" ("name") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "ProfileSecret" (
    "profile" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "sealed" BLOB NOT NULL,

    PRIMARY KEY ("profile", "name", "version"),
    CONSTRAINT "ProfileSecret_profile_version_fkey" FOREIGN KEY ("profile", "version") REFERENCES "ProfileVersion" ("name", "version") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "Person" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "email" TEXT,
    "user" TEXT NOT NULL,
    "signedInAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "PersonGroup" (
    "group" TEXT NOT NULL,
    "userId" TEXT NOT NULL,

    PRIMARY KEY ("group", "userId"),
    CONSTRAINT "PersonGroup_userId_fkey" FOREIGN KEY ("userId") REFERENCES "Person" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT
);

-- CreateTable
CREATE TABLE "AllowedDevice" (
    "value" TEXT NOT NULL PRIMARY KEY,
    "note" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "by" TEXT NOT NULL
);

-- RedefineTable (nothing refers to it)
CREATE TABLE "new_Delivery" (
    "enrollmentId" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "certificateSerialNumber" TEXT NOT NULL,
    "contents" TEXT NOT NULL DEFAULT '',
    "profile" BLOB NOT NULL,
    "deliveredAt" DATETIME NOT NULL,
    "confirmedAt" DATETIME,

    PRIMARY KEY ("enrollmentId", "number"),
    CONSTRAINT "Delivery_enrollmentId_fkey" FOREIGN KEY ("enrollmentId") REFERENCES "Enrollment" ("id") ON DELETE RESTRICT ON UPDATE RESTRICT,
    CONSTRAINT "Delivery_certificateSerialNumber_fkey" FOREIGN KEY ("certificateSerialNumber") REFERENCES "Certificate" ("serialNumber") ON DELETE RESTRICT ON UPDATE RESTRICT
);
-- Deliveries of before are their journeys'.
INSERT INTO "new_Delivery" ("enrollmentId", "number", "kind", "certificateSerialNumber", "contents", "profile", "deliveredAt")
    SELECT "enrollmentId", 0, 'first', "certificateSerialNumber", '', "profile", "deliveredAt" FROM "Delivery";
DROP TABLE "Delivery";
ALTER TABLE "new_Delivery" RENAME TO "Delivery";

-- CreateIndex
CREATE INDEX "Delivery_certificateSerialNumber_idx" ON "Delivery"("certificateSerialNumber");

-- CreateIndex
CREATE INDEX "Person_email_idx" ON "Person"("email");

-- CreateIndex
CREATE INDEX "PersonGroup_userId_idx" ON "PersonGroup"("userId");

-- People are known by their newest enrollment.
INSERT INTO "Person" ("id", "email", "user", "signedInAt")
    SELECT "userId", "userEmail", "user", "createdAt" FROM
        (SELECT *, row_number() OVER (PARTITION BY "userId" ORDER BY "createdAt" DESC, "id" DESC) AS "n"
        FROM "Enrollment" WHERE "state" <> 'minted') WHERE "n" = 1;
INSERT INTO "PersonGroup" ("group", "userId")
    SELECT DISTINCT "value", "Person"."id" FROM "Person", json_each("Person"."user", '$.groups')
    WHERE "type" = 'text' AND instr("Person"."user", '\u0000') = 0;

COMMIT;
