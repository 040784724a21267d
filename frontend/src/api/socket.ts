/** The tab's one socket: topics with a count of who watches them, resumed from the last number after a break. */

export interface TopicEvent {
  topic: string;
  seq: number;
  type: string;
  /** For a binary piece, its header. */
  data: Record<string, unknown>;
  /** Bytes of a binary piece. */
  payload?: Uint8Array;
}

export interface Watcher {
  onEvent: (event: TopicEvent) => void;
  /** Events have been missed for good: fetch afresh. */
  onResync?: () => void;
  /** The topic is not (or no longer) ours to watch. */
  onError?: (code: string) => void;
  /** Called each time the site has confirmed the subscription: what has not been told by events is now to be fetched. */
  onSubscribed?: () => void;
}

interface Watched {
  watchers: Set<Watcher>;
  /** The last number received; undefined: from now on. */
  after: number | undefined;
}

type Status = "connecting" | "open" | "closed";
const MAX_WAIT_MS = 5000;
const CLOSE_SIGNED_OUT = 4401;

/** Decodes a binary frame: uint32 big endian header length, JSON header, payload. */
export function decodePiece(frame: ArrayBuffer): TopicEvent {
  const length = new DataView(frame).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(frame, 4, length))) as Record<string, unknown>;
  const { topic, seq, type, ...data } = header;
  return { topic: String(topic), seq: Number(seq), type: String(type), data, payload: new Uint8Array(frame, 4 + length) };
}

export class TopicSocket {
  private socket: WebSocket | null = null;
  private readonly topics = new Map<string, Watched>();
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isWanted = false;
  private status: Status = "closed";
  private readonly statusListeners = new Set<(status: Status) => void>();

  constructor(private readonly url: () => string) {}

  /** Opens the socket, and keeps it open. */
  start(): void {
    this.isWanted = true;
    if (!this.socket) this.open();
  }

  /** Closes it for good: the user signs out. */
  stop(): void {
    this.isWanted = false;
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
    this.setStatus("closed");
  }

  /** Watches a topic, from `after` on (0: all of it; undefined: from now on); returns what ends it. */
  subscribe(topic: string, watcher: Watcher, after?: number): () => void {
    const watched = this.topics.get(topic) ?? { watchers: new Set(), after };
    const isNew = !this.topics.has(topic);
    // A later watcher that wants all of it has the topic sent again; the others drop what they know by its number.
    const again = !isNew && after !== undefined && (watched.after ?? Infinity) > after;
    if (again) watched.after = after;
    watched.watchers.add(watcher);
    this.topics.set(topic, watched);
    if (isNew || again) this.ask(topic, watched);
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size || this.topics.get(topic) !== watched) return;
      this.topics.delete(topic);
      this.send({ unsubscribe: { topic } });
    };
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.statusListeners.add(listener);
    listener(this.status);
    return () => this.statusListeners.delete(listener);
  }

  private open(): void {
    this.setStatus("connecting");
    const socket = new WebSocket(this.url());
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.setStatus("open");
      for (const [topic, watched] of this.topics) this.ask(topic, watched);
    };
    socket.onmessage = ({ data }) => {
      this.receive(typeof data === "string" ? (JSON.parse(data) as TopicEvent) : decodePiece(data as ArrayBuffer));
    };
    socket.onclose = ({ code }) => {
      if (this.socket === socket) this.socket = null;
      this.setStatus("closed");
      if (this.isWanted && code !== CLOSE_SIGNED_OUT) this.openLater();
    };
  }

  private openLater(): void {
    const wait = Math.min(MAX_WAIT_MS, 250 * 2 ** this.failures) * (0.5 + Math.random() / 2);
    this.failures += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.isWanted && !this.socket) this.open();
    }, wait);
  }

  private ask(topic: string, watched: Watched): void {
    this.send({ subscribe: watched.after === undefined ? { topic } : { topic, after: watched.after } });
  }

  private send(request: unknown): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(request));
  }

  private receive(message: TopicEvent & { code?: string }): void {
    const watched = this.topics.get(message.topic) ?? (message.topic.startsWith("user:") ? this.topics.get("me") : undefined);
    if (!watched) return;
    switch (message.type) {
      case "subscribed":
        watched.after = message.seq;
        this.tell(watched, (watcher) => watcher.onSubscribed?.());
        return;
      case "resync":
        watched.after = undefined;
        this.tell(watched, (watcher) => watcher.onResync?.());
        return;
      case "error":
        this.tell(watched, (watcher) => watcher.onError?.(message.code ?? "unknown"));
        return;
      default:
        // A number that is not above the last one is a repetition.
        if (watched.after !== undefined && message.seq <= watched.after) return;
        watched.after = message.seq;
        this.tell(watched, (watcher) => {
          watcher.onEvent(message);
        });
    }
  }

  private tell(watched: Watched, what: (watcher: Watcher) => void): void {
    for (const watcher of [...watched.watchers]) what(watcher);
  }

  private setStatus(status: Status): void {
    this.status = status;
    for (const listener of this.statusListeners) listener(status);
  }
}

export const socket = new TopicSocket(() => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/`);
