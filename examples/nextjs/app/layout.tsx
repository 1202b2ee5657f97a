import type { ReactNode } from 'react'
import './page.css'

export const metadata = { title: 'Millrace in Next' }

export default function Layout({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
