/** `millrace streams ls`: what a running server keeps. */
import type { StreamSummary } from '../endpoint-answers.ts'
import type { StreamEndpoint } from '../stream-endpoint.ts'

export interface ListFlags {
  /** Ids that begin so. */
  readonly prefix?: string
  /** One JSON object a line instead of a table. */
  readonly json?: boolean
}

export async function listStreams(
  endpoint: StreamEndpoint,
  { prefix = '', json = false }: ListFlags,
): Promise<void> {
  const streams = await Array.fromAsync(endpoint.list(prefix))
  const lines = json ? streams.map((stream) => JSON.stringify(stream)) : tableOf(streams, Date.now())
  for (const line of lines) console.log(line)
}

const HEAD = ['ID', 'STATUS', 'RECORDS', 'AGE'] as const

/** Columns as wide as they need to be; nothing but the head when there is nothing. */
export function tableOf(streams: readonly StreamSummary[], now: number): string[] {
  const rows = [
    HEAD,
    ...streams.map(({ id, status, records, createdAt }) => [
      id,
      status,
      String(records),
      ageOf(now - createdAt),
    ]),
  ]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const

/** '3 min': of a day's units the largest that is not zero. */
function ageOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? (['s', 1] as const)
  return `${Math.floor(seconds / length)} ${unit}`
}
