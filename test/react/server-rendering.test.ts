/** The hook where there is no browser: it renders what is known, and connects to nothing. */
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, it } from 'vitest'
import { useStream } from '../../src/react/index.ts'

function View({ id }: { readonly id: string | null }) {
  const { text, state, records, status, connection, error } = useStream('/ws/streams', id, {
    reduce: (sum: number, record: number) => sum + record,
    initial: 7,
  })
  return createElement('p', null, JSON.stringify({ text, state, records, status, connection, error }))
}

it.each([
  ['s', 'connecting'],
  [null, 'idle'],
])('the stream %s is rendered as %s', (id, status) => {
  // A relative address: resolving it would throw here.
  const html = renderToString(createElement(View, { id })).replaceAll('&quot;', '"')
  expect(html).toBe(`<p>{"text":"","state":7,"records":[],"status":"${status}","connection":"idle"}</p>`)
})
