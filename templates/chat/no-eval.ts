import { config } from 'zod/v4/core'

// The page that is built allows no eval, and zod, which the AI SDK uses, tries it while it is loaded. So this comes first.
config({ jitless: true })
