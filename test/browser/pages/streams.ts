/** A page of components that show streams, for `use-stream.test.ts`. */
import { StrictMode, createElement, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { useStream } from 'millrace/react'

interface Numbered {
  readonly n: number
}

/** What the test looks at. */
interface Notes {
  /** How often each panel was rendered. */
  readonly renders: Record<string, number>
  /** The arrays that a panel was given. */
  readonly arrays: Set<unknown>
}

const notes: Notes = { renders: {}, arrays: new Set() }
const page = globalThis as unknown as {
  readonly document: { getElementById(id: string): never }
  notes: Notes
}
page.notes = notes

function Panel({ name, id }: { readonly name: string; readonly id: string | null }) {
  const view = useStream('/ws', id, {
    reduce: (sum: number, { n }: Numbered) => sum + n,
    initial: 0,
    text: ({ n }) => `${n} `,
  })
  notes.renders[name] = (notes.renders[name] ?? 0) + 1
  notes.arrays.add(view.records)
  const shown = { id: view.id, text: view.text, sum: view.state, status: view.status }
  const button = (does: string, onClick: () => void) =>
    createElement('button', { type: 'button', onClick }, does)
  return createElement(
    'section',
    { id: name, 'data-connection': view.connection },
    createElement('output', null, JSON.stringify(shown)),
    button('start', () => void view.start(1000)),
    button('stop', () => void view.stop()),
  )
}

function App() {
  const [id, show] = useState<string | null>('a')
  const [panels, setPanels] = useState(['one', 'two'])
  return createElement(
    StrictMode,
    null,
    ...['a', 'b', 'none'].map((to) =>
      createElement(
        'button',
        { key: to, type: 'button', onClick: () => show(to === 'none' ? null : to) },
        `show ${to}`,
      ),
    ),
    createElement('button', { type: 'button', onClick: () => setPanels(['one']) }, 'fewer'),
    ...panels.map((name) => createElement(Panel, { key: name, name, id })),
  )
}

createRoot(page.document.getElementById('root')).render(createElement(App))
