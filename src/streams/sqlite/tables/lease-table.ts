/** Leases as rows. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LeaseState } from '../../bookkeeping/lease-bookkeeping.ts'
import type { Lease } from '../../leases.ts'
import type { CheckedExpired } from '../../bookkeeping/lease-requests.ts'

export class LeaseTable {
  readonly #select: StatementSync
  readonly #upsert: StatementSync
  readonly #delete: StatementSync
  readonly #cut: StatementSync
  readonly #expired: StatementSync

  constructor(db: DatabaseSync) {
    this.#select = db.prepare('SELECT holder, epoch, ttl_ms, expires_at, owes FROM leases WHERE stream = ?')
    this.#upsert =
      db.prepare(`INSERT INTO leases (stream, holder, epoch, ttl_ms, expires_at, owes) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch, ttl_ms = excluded.ttl_ms,
      expires_at = excluded.expires_at, owes = excluded.owes`)
    this.#delete = db.prepare('DELETE FROM leases WHERE stream = ?')
    this.#cut = db.prepare('UPDATE leases SET expires_at = :now + ttl_ms WHERE expires_at - ttl_ms > :now')
    this.#expired = db.prepare(`SELECT s.id, s.incarnation, l.holder, l.epoch, l.ttl_ms, l.expires_at,
      l.owes IS NOT NULL AS owed
      FROM leases l JOIN streams s ON s.key = l.stream
      WHERE l.expires_at BETWEEN :end AND :now AND (l.expires_at > :end OR s.id > :id)
      ORDER BY l.expires_at, s.id LIMIT :limit`)
  }

  find(stream: number): LeaseState | undefined {
    const row = this.#select.get(stream)
    return (
      row && {
        holder: String(row['holder']),
        epoch: Number(row['epoch']),
        ttlMs: Number(row['ttl_ms']),
        expiresAt: Number(row['expires_at']),
        ...(typeof row['owes'] === 'string' && { owes: row['owes'] }),
      }
    )
  }

  save(stream: number, { holder, epoch, ttlMs, expiresAt, owes }: LeaseState): void {
    this.#upsert.run(stream, holder, epoch, ttlMs, expiresAt, owes ?? null)
  }

  delete(stream: number): void {
    this.#delete.run(stream)
  }

  /** Expired leases. Leases set before the clock went back are cut to their length from now. */
  expired(now: number, { limit, after }: CheckedExpired): Lease[] {
    this.#cut.run({ now })
    const { expiresAt: end, stream: id } = after
    return this.#expired.all({ now, limit, end, id }).map((row) => ({
      stream: String(row['id']),
      incarnation: String(row['incarnation']),
      holder: String(row['holder']),
      epoch: Number(row['epoch']),
      ttlMs: Number(row['ttl_ms']),
      expiresAt: Number(row['expires_at']),
      ...(row['owed'] === 1 && { owed: true }),
    }))
  }
}
