/** The project of the tutorial "Streaming with Django", made as the tutorial makes it, with its own files. */
import { execFile } from 'node:child_process'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SEED_PAGE } from '../support/seed-page.ts'

const run = promisify(execFile)

/** Makes the project in a folder, and gives the folder of its manage.py. */
export async function makeSeedProject(python: string, folder: string, redisPort: number): Promise<string> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  await run(python, ['-m', 'django', 'startproject', 'django_project'], { cwd: folder, env })
  const project = join(folder, 'django_project')
  await run(python, ['manage.py', 'startapp', 'chat'], { cwd: project, env })

  const settings = join(project, 'django_project/settings.py')
  const generated = await readFile(settings, 'utf8')
  await writeFile(
    settings,
    generated.replace('INSTALLED_APPS = [', "INSTALLED_APPS = [\n    'channels',\n    'chat',"),
  )
  await appendFile(settings, SETTINGS.replace('6379', String(redisPort)))
  await mkdir(join(project, 'chat/templates'))
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(project, name), text)
  await run(python, ['manage.py', 'migrate'], { cwd: project, env })
  return project
}

const SETTINGS = `
# Use channels layer as the default backend for \`asgi\`
CHANNEL_LAYERS = {
    'default': {
        'BACKEND': 'channels_redis.core.RedisChannelLayer',
        'CONFIG': {
            "hosts": [('127.0.0.1', 6379)],
        },
    },
}

# Use channels for routing
ASGI_APPLICATION = 'django_project.asgi.application'
`

/** To the letter, but for the view and the imports of the project's urls.py, which the tutorial leaves out. */
const FILES = {
  'django_project/asgi.py': `import os
from django.core.asgi import get_asgi_application
from channels.routing import ProtocolTypeRouter, URLRouter
from chat import routing

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'django_project.settings')

application = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": URLRouter(
        routing.websocket_urlpatterns
    ),
})
`,
  'chat/consumers.py': `import json
import asyncio
from channels.generic.websocket import AsyncWebsocketConsumer

class OpenAIConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()

    async def disconnect(self, close_code):
        pass

    async def receive(self, text_data):
        text_data_json = json.loads(text_data)
        message = text_data_json['message']

        if message == 'start':
            # Simulate streaming from OpenAI (you'd replace with the OpenAI API call)
            for i in range(10):
                await self.send(text_data=json.dumps({
                    'message': f'Number {i}'
                }))
                await asyncio.sleep(0.5) # needs to be asyncio.sleep
`,
  'chat/routing.py': `from django.urls import re_path
from . import consumers

websocket_urlpatterns = [
    re_path(r'ws/openai/$', consumers.OpenAIConsumer.as_asgi()),
]
`,
  'chat/templates/index.html': SEED_PAGE,
  'chat/views.py': `from django.shortcuts import render


def index(request):
    return render(request, 'index.html')
`,
  'chat/urls.py': `from django.urls import path
from . import views

urlpatterns = [
    path('', views.index, name='index'),
]
`,
  'django_project/urls.py': `from django.urls import include, path

urlpatterns = [
    path('', include('chat.urls')), 
]
`,
}
