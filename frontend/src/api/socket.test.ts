/** The tab's socket against a made-up one: subscriptions, resuming, repetitions, gaps. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { decodePiece, TopicSocket, type TopicEvent } from "./socket";

class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  binaryType = "";
  sent: unknown[] = [];
  onopen: () => void = () => undefined;
  onmessage: (event: { data: unknown }) => void = () => undefined;
  onclose: (event: { code: number }) => void = () => undefined;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  open(): void {
    this.readyState = 1;
    this.onopen();
  }

  close(code = 1006): void {
    this.readyState = 3;
    this.onclose({ code });
  }

  receive(message: unknown): void {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

let socket: TopicSocket;
const last = (): FakeSocket => {
  const made = FakeSocket.made.at(-1);
  if (!made) throw new Error("no socket was made");
  return made;
};
const watch = (topic: string, after?: number): { seen: number[]; resyncs: number[]; end: () => void } => {
  const seen: number[] = [];
  const resyncs: number[] = [];
  const onEvent = (event: TopicEvent): void => void seen.push(event.seq);
  const end = socket.subscribe(topic, { onEvent, onResync: () => resyncs.push(seen.length) }, after);
  return { seen, resyncs, end };
};

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  socket = new TopicSocket(() => "ws://here/ws/");
  socket.start();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("what is wanted before it is open is asked for when it opens", () => {
  watch("team:a");
  watch("job:1", 0);
  last().open();
  expect(last().sent).toEqual([{ subscribe: { topic: "team:a" } }, { subscribe: { topic: "job:1", after: 0 } }]);
});

test("after a break it asks from the last number, and drops what it has had", () => {
  const { seen } = watch("job:1", 0);
  last().open();
  for (const seq of [1, 2, 3]) last().receive({ topic: "job:1", seq, type: "x", data: {} });
  last().close();
  vi.advanceTimersByTime(10_000);
  last().open();
  expect(FakeSocket.made).toHaveLength(2);
  expect(last().sent).toEqual([{ subscribe: { topic: "job:1", after: 3 } }]);
  for (const seq of [3, 4]) last().receive({ topic: "job:1", seq, type: "x", data: {} });
  expect(seen).toEqual([1, 2, 3, 4]);
});

test("a gap that cannot be filled is told", () => {
  const { seen, resyncs } = watch("job:1", 5);
  last().open();
  last().receive({ topic: "job:1", type: "resync" });
  last().receive({ topic: "job:1", seq: 90, type: "subscribed" });
  last().receive({ topic: "job:1", seq: 91, type: "x", data: {} });
  expect(resyncs).toEqual([0]);
  expect(seen).toEqual([91]);
});

test("the last watcher of a topic ends it", () => {
  const [one, two] = [watch("team:a"), watch("team:a")];
  last().open();
  one.end();
  expect(last().sent).toEqual([{ subscribe: { topic: "team:a" } }]);
  two.end();
  expect(last().sent.at(-1)).toEqual({ unsubscribe: { topic: "team:a" } });
});

test("signed out, it does not come back", () => {
  last().open();
  last().close(4401);
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.made).toHaveLength(1);
});

test("a binary piece is read: length, header, payload", () => {
  const header = new TextEncoder().encode(JSON.stringify({ topic: "job:1", seq: 7, type: "slice.predicted", shape: [1, 3] }));
  const frame = new Uint8Array(4 + header.length + 3);
  new DataView(frame.buffer).setUint32(0, header.length);
  frame.set(header, 4);
  frame.set([1, 2, 3], 4 + header.length);
  expect(decodePiece(frame.buffer)).toEqual({
    topic: "job:1",
    seq: 7,
    type: "slice.predicted",
    data: { shape: [1, 3] },
    payload: new Uint8Array([1, 2, 3]),
  });
});
