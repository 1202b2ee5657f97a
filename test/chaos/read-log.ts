/** The whole log of a closed stream over plain HTTP, page by page, as JSON: its `records`, and its `end` in quotes. */
export async function readLog(port: number, id: string): Promise<string> {
  const records: unknown[] = []
  for (let offset = '-1'; ;) {
    const response = await fetch(`http://127.0.0.1:${port}/streams/${id}?offset=${offset}`)
    if (!response.ok) throw new Error(`The log of ${id} is answered with ${response.status}`)
    records.push(...((await response.json()) as unknown[]))
    offset = response.headers.get('stream-next-offset') ?? ''
    if (response.headers.get('stream-closed') === 'true')
      return JSON.stringify({
        records,
        end: JSON.parse(response.headers.get('stream-end') ?? 'null') as unknown,
      })
    if (response.headers.get('stream-up-to-date') === 'true')
      throw new Error(`The log of ${id} is not closed`)
  }
}
