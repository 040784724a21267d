/** Who is signed in, and what they prefer. */

import { create } from "zustand";

import { api, ApiProblem, dataOf, whenSignedOut, type Schemas } from "../api/client";
import { socket } from "../api/socket";

export type Me = Schemas["Me"];
export type Team = Schemas["TeamMembership"];
export type Role = Schemas["RoleEnum"];
export type Language = Schemas["LanguageEnum"];
export type Theme = Schemas["ThemeEnum"];

interface SessionState {
  /** undefined: not yet asked; null: nobody. */
  me: Me | null | undefined;
  /** Set when a session that was there has ended by itself. */
  hasExpired: boolean;
}

export const useSession = create<SessionState>()(() => ({ me: undefined, hasExpired: false }));

const ROLES: readonly Role[] = ["viewer", "reader", "researcher", "manager"];

export const includes = (role: Role | undefined, wanted: Role): boolean =>
  role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(wanted);

export const teamOf = (me: Me | null | undefined, slug: string): Team | undefined =>
  me?.teams.find((team) => team.slug === slug);

/** A job is stopped by who started it, or by a manager; the site checks it again. */
export function mayCancel(me: Me | null | undefined, team: string, job: { created_by: string | null }): boolean {
  const role = teamOf(me, team)?.role;
  return role === "manager" || (job.created_by === me?.username && includes(role, "reader"));
}

export const defaultTeam = (me: Me): string | undefined => me.default_team ?? me.teams[0]?.slug;

function setMe(me: Me): void {
  useSession.setState({ me, hasExpired: false });
  socket.start();
}

whenSignedOut(() => {
  const { me } = useSession.getState();
  if (!me) return;
  socket.stop();
  useSession.setState({ me: null, hasExpired: true });
});

/** Asks who is signed in. */
export async function loadSession(): Promise<void> {
  // The site says so in the page itself where nobody was signed in when it was served.
  if (document.documentElement.dataset.signedIn === "no" && useSession.getState().me === undefined) {
    useSession.setState({ me: null });
    return;
  }
  try {
    setMe(await dataOf(api.GET("/api/v1/auth/me/")));
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.status !== 401) throw error;
    useSession.setState({ me: null });
  }
}

export async function signIn(username: string, password: string): Promise<void> {
  setMe(await dataOf(api.POST("/api/v1/auth/login/", { body: { username, password } })));
}

export async function signOut(): Promise<void> {
  await api.POST("/api/v1/auth/logout/");
  socket.stop();
  useSession.setState({ me: null, hasExpired: false });
}

/** Keeps a preference with the account, or with this browser before anybody is signed in. */
export async function prefer(wanted: Schemas["PatchedPreferencesRequest"]): Promise<void> {
  if (wanted.language) localStorage.setItem("language", wanted.language);
  if (!useSession.getState().me) return;
  setMe(await dataOf(api.PATCH("/api/v1/auth/me/", { body: wanted })));
}
