import type { ReactElement } from 'react'

/** A mill wheel and the name. The wheel stands in the race below the header, and turns while it carries text. */
export function Wordmark(): ReactElement {
  return (
    <div className="wordmark">
      <svg className="wheel" viewBox="0 0 40 40" width="44" height="44" aria-hidden="true" focusable="false">
        <g fill="none" stroke="currentColor">
          <circle cx="20" cy="20" r="11.5" strokeWidth="2" />
          <path d="M20 8.5v23M8.5 20h23" strokeWidth="1.5" />
          <path
            d="M20 8.5L25.13 2.12M28.13 11.87L36.27 10.98M31.5 20L37.88 25.13M28.13 28.13L29.02 36.27M20 31.5L14.87 37.88M11.87 28.13L3.73 29.02M8.5 20L2.12 14.87M11.87 11.87L10.98 3.73"
            strokeWidth="2.5"
          />
        </g>
        <circle cx="20" cy="20" r="3.25" fill="currentColor" />
      </svg>
      <span className="name">Millrace</span>
    </div>
  )
}
