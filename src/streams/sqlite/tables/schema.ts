/**
 * The tables of the SQLite store, and how an older file becomes a current one.
 *
 * A stream's `key` is never used twice, so that it names one incarnation. A record's `place` is that
 * key in the upper 32 bits and, in the lower ones, its position: the place after it, from 1. One
 * integer as the key, and not two columns, halves the cost of records of a kB (they stay in their
 * leaf page; measured). A stream's tail is its highest position, and is kept nowhere else, unless all of
 * its records were trimmed: then it is `first`, the position before the first that is kept, whose stamp is
 * `first_stamp`. A checkpoint is a row of its own, as SQLite writes the whole row that it changes. Records of
 * a deleted stream stay behind under their key in `garbage` until they are collected in slices, and those
 * before the first record that is kept of a stream in `trimmed`.
 * Triggers count in `owners` how many streams each owner has. `changes` says which streams the last transactions changed, for the processes in `followers`.
 */
import type { DatabaseSync } from 'node:sqlite'
import { START } from '../../../protocol/offset.ts'
import { storeError } from '../store-error.ts'

/** `Mill` in ASCII; marks the file's header. */
const APPLICATION_ID = 0x4d696c6c

/** One step per version: step n migrates a file from version n to n + 1. Never edit a released step. */
export const STEPS: readonly string[] = [
  `
  CREATE TABLE streams (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    incarnation TEXT NOT NULL,
    content_type TEXT NOT NULL,
    owner TEXT,
    created_at INTEGER NOT NULL,
    ttl_ms INTEGER,
    expires_at INTEGER,
    metadata TEXT,
    closed INTEGER NOT NULL,
    closed_by TEXT,
    stream_seq TEXT
  ) STRICT;
  CREATE INDEX streams_by_owner ON streams (owner, id) WHERE owner IS NOT NULL;
  CREATE INDEX streams_open ON streams (id) WHERE closed = 0;
  CREATE INDEX streams_by_end ON streams (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE records (
    place INTEGER PRIMARY KEY,
    data ANY NOT NULL
  ) STRICT;

  CREATE TABLE producers (
    stream INTEGER NOT NULL,
    id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    PRIMARY KEY (stream, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE leases (
    stream INTEGER PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX leases_by_end ON leases (expires_at);

  CREATE TABLE garbage (stream INTEGER PRIMARY KEY) STRICT;
  `,
  'ALTER TABLE streams ADD COLUMN closed_with TEXT',
  // Earlier, runs kept their checkpoints in the metadata.
  `
  CREATE TABLE checkpoints (
    stream INTEGER PRIMARY KEY,
    data TEXT NOT NULL
  ) STRICT;
  INSERT INTO checkpoints (stream, data)
    SELECT key, metadata -> '$.run.checkpoint' FROM streams
    WHERE closed = 0 AND json_type(metadata, '$.run.checkpoint') = 'object';
  UPDATE streams SET metadata = json_remove(metadata, '$.run.checkpoint')
    WHERE json_type(metadata, '$.run.checkpoint') IS NOT NULL;
  `,
  `
  CREATE TABLE changes (
    seq INTEGER PRIMARY KEY,
    writer INTEGER NOT NULL,
    streams TEXT NOT NULL
  ) STRICT;
  `,
  // Earlier, the end of a run was in the metadata and its last record: it becomes the end of the stream.
  `
  UPDATE streams SET closed_with = json_patch('{}', json_object(
      'status', metadata ->> '$.run.status',
      'reason', metadata ->> '$.run.reason',
      'message', metadata ->> '$.run.message'
    ))
    WHERE closed = 1 AND metadata ->> '$.run.status' IN ('completed', 'stopped', 'failed')
    AND metadata ->> '$.run.startedAt' IS NOT NULL;
  DELETE FROM records WHERE place IN (
    SELECT (SELECT place FROM records WHERE place BETWEEN key << 32 AND (key << 32) | 4294967295
      ORDER BY place DESC LIMIT 1)
    FROM streams WHERE closed_with ->> '$.status' = metadata ->> '$.run.status'
  ) AND CASE WHEN json_valid(data) THEN data ->> '$.type' END IS 'millrace.end';
  `,
  // Indexes for leased streams and for streams without an owner.
  `
  ALTER TABLE streams ADD COLUMN leased INTEGER NOT NULL DEFAULT 0;
  UPDATE streams SET leased = 1 WHERE key IN (SELECT stream FROM producers WHERE id = '@lease');
  CREATE INDEX streams_leased ON streams (owner, id) WHERE leased = 1 AND closed = 0;
  CREATE INDEX streams_of_nobody ON streams (id) WHERE owner IS NULL;
  `,
  // Older records have no stamp: the incarnation of their stream stands for it, as in their offsets.
  `
  ALTER TABLE records ADD COLUMN stamp ANY;
  ALTER TABLE streams ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE streams ADD COLUMN first_stamp TEXT NOT NULL DEFAULT '${START.stamp}';
  `,
  // The lease of a closed stream that owes something stays.
  'ALTER TABLE leases ADD COLUMN owes TEXT',
  `
  CREATE TABLE followers (
    id INTEGER PRIMARY KEY,
    seen_at INTEGER NOT NULL
  ) STRICT;
  `,
  'CREATE TABLE trimmed (stream INTEGER PRIMARY KEY) STRICT',
  // By when they begin: what begins later than now was set before the clock went back.
  'CREATE INDEX leases_by_begin ON leases (expires_at - ttl_ms)',
  `
  CREATE TABLE forks (
    stream INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    incarnation TEXT NOT NULL,
    inherited INTEGER NOT NULL,
    stamp TEXT NOT NULL,
    point TEXT NOT NULL
  ) STRICT;
  CREATE INDEX forks_by_source ON forks (source, inherited);
  CREATE TABLE retired (
    stream INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT
  ) STRICT;
  `,
  `
  CREATE TABLE retained (
    stream INTEGER PRIMARY KEY,
    age_ms INTEGER,
    max_bytes INTEGER,
    bytes INTEGER NOT NULL,
    spans TEXT NOT NULL,
    due INTEGER
  ) STRICT;
  CREATE INDEX retained_by_due ON retained (due) WHERE due IS NOT NULL;
  `,
  `
  CREATE TABLE listed (
    stream INTEGER PRIMARY KEY,
    whose TEXT NOT NULL,
    list TEXT NOT NULL,
    place INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX listed_in_order ON listed (whose, list, place);
  `,
  // The number of streams of each owner, maintained by triggers; '' stands for no owner.
  `
  CREATE TABLE owners (
    owner TEXT PRIMARY KEY,
    streams INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO owners (owner, streams) SELECT coalesce(owner, ''), count(*) FROM streams GROUP BY 1;
  CREATE TRIGGER streams_created AFTER INSERT ON streams BEGIN
    INSERT INTO owners (owner, streams) VALUES (coalesce(NEW.owner, ''), 1)
      ON CONFLICT DO UPDATE SET streams = streams + 1;
  END;
  CREATE TRIGGER streams_deleted AFTER DELETE ON streams BEGIN
    UPDATE owners SET streams = streams - 1 WHERE owner = coalesce(OLD.owner, '');
    DELETE FROM owners WHERE owner = coalesce(OLD.owner, '') AND streams = 0;
  END;
  `,
  // The tail behind a producer's latest append; of one from before it is not known, and it is forgotten first.
  'ALTER TABLE producers ADD COLUMN position INTEGER NOT NULL DEFAULT 0',
]

/** The version that this code reads and writes (`PRAGMA user_version`). */
export const SCHEMA_VERSION: number = STEPS.length

/** Versions before and after; equal when there was nothing to do. 0 is an empty file. */
export interface Migration {
  readonly from: number
  readonly to: number
}

/**
 * Brings a database to the current version, in one transaction: of two processes that start at once,
 * one does it and the other finds it done.
 *
 * @throws {StoreError} `newer_version`, or `not_a_store` for another application's database.
 */
export function migrateDatabase(db: DatabaseSync, path: string): Migration {
  const from = versionInOneLook(db, path)
  if (from === SCHEMA_VERSION) return { from, to: from }
  db.exec('BEGIN IMMEDIATE')
  try {
    const current = versionOf(db, path)
    for (const step of STEPS.slice(current)) db.exec(step)
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
  } catch (error) {
    rollback(db)
    throw error
  }
  return { from, to: SCHEMA_VERSION }
}

/** Otherwise another process might create the tables between two of the questions, and its file be taken for a foreign one. */
function versionInOneLook(db: DatabaseSync, path: string): number {
  db.exec('BEGIN')
  try {
    return versionOf(db, path)
  } finally {
    rollback(db)
  }
}

function rollback(db: DatabaseSync): void {
  try {
    db.exec('ROLLBACK')
  } catch {
    // SQLite rolls some failures back by itself; the first error is the one to tell.
  }
}

/**
 * The version of an open database. To be asked within a transaction.
 *
 * @throws {StoreError} `newer_version`, or `not_a_store` for another application's database.
 */
export function versionOf(db: DatabaseSync, path: string): number {
  const version = pragma(db, 'user_version')
  if (pragma(db, 'application_id') !== APPLICATION_ID) {
    const tables = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']
    if (tables !== 0 || version !== 0) throw storeError('not_a_store', path)
  }
  if (version > SCHEMA_VERSION) {
    throw storeError(
      'newer_version',
      path,
      undefined,
      `its schema is ${version}, this one knows ${SCHEMA_VERSION}`,
    )
  }
  return version
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name])
}
