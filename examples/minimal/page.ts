import type { App } from './app.ts'
import { connect } from 'millrace/client'

const reply = await connect<App>('/').runs.answer.start({ prompt: 'What is a millrace?' })
for await (const piece of reply) document.body.append(piece)
