/** Ways to lose what was acknowledged, for the replay to find; and settings that show more in a short trace. */
import type { PowerOptions } from './power.ts'

/** Checkpoints after 40 pages, and a log cut back at 32 KiB: the store's own 16 MiB make a long trace. */
export const SMALL_LOG: Readonly<Record<string, string>> = {
  wal_autocheckpoint: '40',
  journal_size_limit: '32768',
}

export const planted: Readonly<Record<string, Pick<PowerOptions, 'pragmas' | 'unsynced' | 'newFolder'>>> = {
  /** A commit returns before its log is on the disk. */
  normal: { pragmas: { synchronous: 'NORMAL' } },
  /** The disk is never told to keep the log. */
  wal: { unsynced: (path) => path.endsWith('-wal') },
  /** Nor the file that a checkpoint writes, after which the log is written over. */
  file: { pragmas: SMALL_LOG, unsynced: (path) => path.endsWith('.db') },
  /** Nor the folder around the one that the store makes. */
  folder: { newFolder: true, unsynced: (path) => path.endsWith('/data') },
}
