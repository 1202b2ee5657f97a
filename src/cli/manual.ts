/** What help and docs/cli.md say beside the options: commands as they look in use, and exit codes. */

/** By the name of the command. */
export const EXAMPLES: Readonly<Record<string, readonly (readonly [command: string, does: string])[]>> = {
  millrace: [
    ['millrace init my-app', 'write a chat to start from'],
    ['millrace serve app.ts', 'serve an application on http://127.0.0.1:8000'],
    ['millrace serve', 'look at the demo: a page that streams, and a chat'],
    ['millrace worker app.ts thumbnails', 'do what its servers send to a channel'],
    ['millrace streams ls', 'see what a running server keeps'],
  ],
  serve: [
    ['millrace serve app.ts --watch', 'restart whenever a file changes'],
    ['millrace serve app.ts -b 0.0.0.0 -p 80 --access-log', 'serve the network, and log who comes'],
    ['millrace serve app.ts --tls-cert cert.pem --tls-key key.pem', 'speak https and wss'],
    ['millrace serve app.ts -u /run/app.sock --proxy-headers', 'stand behind nginx'],
    ['millrace serve app.ts --workers auto', 'use every core; kill -HUP replaces the workers one by one'],
    ['millrace serve app.ts --channel-layer redis://localhost', 'share channels and groups with others'],
    ['millrace serve --model anthropic/claude-haiku-5-5', 'have this model answer in the demo'],
    ['millrace serve --store memory:', 'keep nothing'],
    ['MILLRACE_PORT=9000 millrace serve app.ts', 'set an option by its variable'],
  ],
  worker: [
    ['millrace worker app.ts thumbnails', 'make thumbnails, over the Redis of REDIS_URL'],
    ['millrace worker app.ts', 'serve every channel of the application'],
    ['millrace worker app.ts mail --concurrency 8', 'send eight mails at a time'],
    ['millrace worker app.ts mail --channel-layer redis://localhost', 'say where the channel layer is'],
  ],
  migrate: [
    ['millrace migrate', 'bring .millrace/streams.db up to date'],
    ['millrace migrate --store /var/lib/app/streams.db', 'or another file, before the server starts'],
  ],
  init: [
    ['millrace init my-app', 'write a chat to a new folder, my-app'],
    ['millrace init my-room --template room', 'write a chat room instead'],
    ['millrace init .', 'write it to this folder, which has to be empty'],
  ],
  streams: [
    ['millrace streams ls', 'list what there is'],
    ['millrace streams tail 4x8s1n | jq -j .', 'follow an answer to its end'],
    ['millrace streams stop 4x8s1n', 'end a run; what came of it stays'],
    ['millrace streams ls --url https://app.example', 'ask another server'],
    ["MILLRACE_HEADER='authorization: Bearer …' millrace streams ls", 'say who you are'],
  ],
}

export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'It did what it was asked to; a server was told to stop and did so in order.'],
  [
    '1',
    'It failed: the file cannot be served, the port is taken, the store cannot be used, the run that was followed failed, an exception went uncaught.',
  ],
  ['2', 'It was asked for what it does not do: an unknown option, a value that is none.'],
  [
    '130, 143',
    'A second SIGINT or SIGTERM cut the shutdown short; the first ended a command that serves nothing.',
  ],
]

export function examplesOf(name: string): string {
  const examples = EXAMPLES[name] ?? []
  const width = Math.max(...examples.map(([command]) => command.length))
  return `\nExamples:\n${examples.map(([command, does]) => `  ${command.padEnd(width)}  ${does}`).join('\n')}\n`
}
