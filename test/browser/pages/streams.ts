/** A page of components that show streams, for `use-stream.test.ts`. */
import { StrictMode, createElement, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { useStream } from 'millrace/react'

interface Numbered {
  readonly n: number
}

/** What the test looks at. */
interface Notes {
  /** How often a panel was drawn. */
  commits: number
  /** The arrays that panels were given. */
  readonly arrays: Set<unknown>
}

const notes: Notes = { commits: 0, arrays: new Set() }
const page = globalThis as unknown as { readonly document: { getElementById(id: string): never } }
Object.assign(page, { notes })

interface PanelProps {
  readonly name: string
  readonly id: string | null
  /** A page puts the id of a run that was started into its address. */
  readonly onStarted: (id: string) => void
}

function Panel({ name, id, onStarted }: PanelProps) {
  const view = useStream('/ws', id, {
    reduce: (sum: number, { n }: Numbered) => sum + n,
    initial: 0,
    text: ({ n }) => `${n} `,
  })
  useEffect(() => {
    notes.commits++
    notes.arrays.add(view.records)
  })
  const shown = { id: view.id, text: view.text, sum: view.state, status: view.status }
  const button = (does: string, onClick: () => void) =>
    createElement('button', { type: 'button', onClick }, does)
  return createElement(
    'section',
    { id: name, 'data-connection': view.connection },
    createElement('output', null, JSON.stringify(shown)),
    button('start', () => void view.start(1000)),
    button('open', () => void view.start(1000).then(onStarted)),
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
    ...panels.map((name) => createElement(Panel, { key: name, name, id, onStarted: show })),
  )
}

createRoot(page.document.getElementById('root')).render(createElement(App))
