// The documented reference client: handshake first, then messages with correlation ids; and wscat as the manual runs it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { startGateway, withDeadline } from './gateway.js';

const run = promisify(execFile);
let gateway;
before(async () => {
  gateway = await startGateway();
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

class ReferenceClient {
  constructor(url) {
    this.ws = new WebSocket(url, 'a2a-v1');
    this.waiting = [];
    this.ws.on('message', (data) => {
      const frame = JSON.parse(data);
      const index = this.waiting.findIndex(({ wanted }) => wanted(frame));
      if (index >= 0) this.waiting.splice(index, 1)[0].resolve(frame);
    });
  }
  next(wanted, what) {
    return withDeadline(new Promise((resolve) => this.waiting.push({ wanted, resolve })), what);
  }
  async connect() {
    await withDeadline(new Promise((resolve) => this.ws.once('open', resolve)), 'open');
    const acknowledged = this.next((frame) => frame.type === 'handshake' && frame.content.action === 'acknowledge', 'acknowledge');
    this.send({
      type: 'handshake',
      content: { action: 'advertise', capabilities: { supportedMessageTypes: ['message', 'status'], supportedAgents: ['steward'], version: '1.0.0' } },
    });
    return acknowledged;
  }
  send(frame) {
    this.ws.send(JSON.stringify({ id: `msg-${Date.now()}-${Math.random().toString(36).slice(2)}`, timestamp: Date.now(), ...frame }));
  }
  sendMessage(agent, content, correlationId) {
    const answer = this.next((frame) => frame.type === 'message' && frame.metadata?.correlationId === correlationId, correlationId);
    this.send({ type: 'message', agent, content: { role: 'user', content }, metadata: { correlationId, requiresResponse: true } });
    return answer;
  }
  close() {
    this.ws.close();
  }
}

test('the reference client gets the answers to its own questions', async () => {
  const client = new ReferenceClient(gateway.url);
  const acknowledge = await client.connect();
  assert.equal(acknowledge.content.protocolVersion, '1.0.0');
  assert.deepEqual(acknowledge.content.availableAgents, [
    'main', 'steward', 'alpha', 'beta', 'charlie', 'examiner', 'explorer', 'sentinel', 'coder', 'dreamer', 'empath', 'historian',
  ]);
  const asked = ['steward', 'alpha', 'beta', 'steward'].map((agent, index) => client.sendMessage(agent, `question ${index}`, `corr-${index}`));
  const answers = await Promise.all(asked);
  assert.deepEqual(
    answers.map((frame) => [frame.from, frame.content.content, frame.metadata.correlationId]),
    [
      ['steward', 'you said: question 0.', 'corr-0'],
      ['alpha', 'you said: question 1.', 'corr-1'],
      ['beta', 'you said: question 2.', 'corr-2'],
      ['steward', 'you said: question 3.', 'corr-3'],
    ],
  );
  for (const answer of answers) assert.match(answer.metadata.parentId, /^msg-/);
  client.close();
});

test('errors carry the correlation id, a code and a top-level error', async () => {
  const client = new ReferenceClient(gateway.url);
  await client.connect();
  const refused = client.next((frame) => frame.type === 'error', 'error');
  client.send({ type: 'message', agent: 'nobody', content: { role: 'user', content: 'x' }, metadata: { correlationId: 'corr-x' } });
  const frame = await refused;
  assert.equal(frame.error, 'AGENT_NOT_FOUND');
  assert.equal(frame.content.code, 3001);
  assert.equal(frame.correlationId, 'corr-x');
  assert.equal(frame.metadata.correlationId, 'corr-x');
  client.close();
});

test('deltas come after subscribe, and only then', async () => {
  const client = new ReferenceClient(gateway.url);
  await client.connect();
  const subscribed = client.next((frame) => frame.type === 'subscribe', 'subscribe');
  client.send({ type: 'subscribe', content: { channel: 'agent:message', agents: ['coder'] } });
  assert.deepEqual((await subscribed).content, { channel: 'agent:message', status: 'subscribed' });
  const deltas = [];
  client.ws.on('message', (data) => {
    const frame = JSON.parse(data);
    if (frame.type === 'event' && frame.content.state === 'delta') deltas.push(frame.content.text);
  });
  await client.sendMessage('coder', 'stream', 'corr-s');
  assert.deepEqual(deltas, ['you', ' said', ': ', 'stream', '.']);
  client.close();
});

test("wscat -x '{\"type\":\"status\"}' prints the status", async () => {
  const wscat = path.join(path.dirname(createRequire(import.meta.url).resolve('wscat/package.json')), 'bin', 'wscat');
  const { stdout } = await run(process.execPath, [wscat, '-c', gateway.url, '-w', '2', '-x', '{"type":"status"}'], { timeout: 15_000 });
  const frame = JSON.parse(stdout.split('\n').find((line) => line.includes('"type":"status"')).replace(/^[^{]*/, ''));
  assert.equal(frame.content.status, 'online');
  assert.equal(frame.content.agents.length, 12);
});

test('a wrong token is refused and a right one opens everything', async () => {
  const client = new ReferenceClient(gateway.url);
  await client.connect();
  const refused = client.next((frame) => frame.type === 'error', 'auth error');
  client.send({ type: 'auth', content: { token: 'wrong' } });
  assert.equal((await refused).content.code, 5002);
  const accepted = client.next((frame) => frame.type === 'auth-response', 'auth');
  client.send({ type: 'auth', content: { token: gateway.token } });
  assert.equal((await accepted).content.status, 'authenticated');
  client.close();
});
