import type { UIMessage } from 'ai'
import type { ReactElement } from 'react'
import { safeLink } from './markdown/links.ts'

/** What an answer is based on, once each. */
export function Sources({ parts }: Pick<UIMessage, 'parts'>): ReactElement | null {
  const sources = new Map<string, ReactElement>()
  for (const part of parts) {
    if (part.type === 'source-url') {
      const link = safeLink(part.url)
      sources.set(
        part.url,
        link ? (
          <a href={link.href} target="_blank" rel="noopener noreferrer nofollow">
            <bdi>{part.title || link.target}</bdi> <span className="target">{link.target}</span>
          </a>
        ) : (
          <bdi>{part.title || part.url.slice(0, 80)}</bdi>
        ),
      )
    } else if (part.type === 'source-document') {
      sources.set(part.sourceId, <bdi>{part.title || part.filename || 'A document'}</bdi>)
    }
  }
  if (sources.size === 0) return null
  return (
    <section className="sources" aria-label="Sources">
      <h3>Sources</h3>
      <ol>
        {[...sources].map(([key, source]) => (
          <li key={key}>{source}</li>
        ))}
      </ol>
    </section>
  )
}
