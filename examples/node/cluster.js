// A cluster: ROUTER in front, DEALER behind, and forked workers that answer with REP over ipc.
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const zmq = require('zeromq')
const { expect, finish, play, start, stop } = require('./story')

const FRONT = 'tcp://127.0.0.1:5733'
const WORKERS = 3
const CLIENTS = 3
const REQUESTS = 60

async function worker(back) {
  const socket = new zmq.Reply()
  socket.connect(back)
  for await (const [request] of socket) await socket.send([request, String(process.pid)])
}

async function cluster(back) {
  const front = new zmq.Router()
  const behind = new zmq.Dealer()
  await front.bind(FRONT)
  await behind.bind(back)
  const there = async () => {
    for await (const frames of front) await behind.send(frames)
  }
  const andBack = async () => {
    for await (const frames of behind) await front.send(frames)
  }
  await Promise.all([there(), andBack()])
}

async function client(name) {
  const socket = new zmq.Request()
  socket.connect(FRONT)
  const workers = {}
  for (let count = 0; count < REQUESTS; count++) {
    await socket.send(`${name} ${count}`)
    const [answer, pid] = await socket.receive()
    expect(answer.toString() === `${name} ${count}`, 'the answer to this request')
    workers[pid] = (workers[pid] ?? 0) + 1
  }
  process.send(workers)
  socket.close()
  process.disconnect()
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cluster-'))
  const back = `ipc://${folder}/workers`
  const servers = [start('cluster', back)]
  for (let count = 0; count < WORKERS; count++) servers.push(start('worker', back))
  const said = await Promise.all([...Array(CLIENTS).keys()].map((number) => finish(start('client', `client ${number}`))))
  const workers = {}
  for (const [counts] of said) for (const pid in counts) workers[pid] = (workers[pid] ?? 0) + counts[pid]
  console.log(`${CLIENTS} clients, ${REQUESTS} answers each; answers by worker: ${Object.values(workers).join(', ')}`)
  expect(Object.values(workers).reduce((a, b) => a + b) === CLIENTS * REQUESTS, 'all answers')
  servers.forEach(stop)
  fs.rmSync(folder, { recursive: true })
}

play({ main, cluster, worker, client })
