/** What stands about the pages of somebody who is signed in; anybody else is sent to sign in, and back. */

import { Button, Center, Container, Stack, Text, Title } from "@mantine/core";
import { Outlet, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { useCallback, useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useQueryClient } from "@tanstack/react-query";

import { keys, useTeamEvents } from "../store/queries";
import { defaultTeam, loadSession, prefer, useSession } from "../store/session";
import { Shell, usePreferences } from "../ui/Shell";
import { Empty, Failed, Loading } from "../ui/States";
import { noteArrival } from "./arrivals";

/** The team of the page: named by its address, else the account's default. */
export function useTeam(): string {
  const { team } = useParams({ strict: false });
  const me = useSession((state) => state.me);
  return team ?? (me ? (defaultTeam(me) ?? "") : "");
}

export function SignedIn(): ReactNode {
  const me = useSession((state) => state.me);
  const { href, pathname } = useLocation();
  const navigate = useNavigate();
  useEffect(() => {
    if (me === undefined) void loadSession();
    if (me === null) void navigate({ to: "/login", search: href === "/" ? {} : { next: href }, replace: true });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, with the address at which nobody was found to be signed in
  }, [me]);
  usePreferences();
  return me ? <Framed path={pathname} /> : <Loading />;
}

function Framed({ path }: { path: string }): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const navigate = useNavigate();
  const client = useQueryClient();
  const onNewStudy = useCallback(
    (row: Parameters<typeof noteArrival>[1]) => {
      noteArrival(client, row, keys.studies(team));
    },
    [client, team],
  );
  useTeamEvents(team || undefined, onNewStudy);
  // The viewer has the window to itself.
  if (/\/studies\//.test(path)) return <Outlet />;
  const base = `/teams/${team}`;
  const places = ["cohorts", "training", "models", "jobs", "members"].map((key) => ({ key, to: `${base}/${key}` }));
  const place = path === "/" ? "worklist" : (/^\/teams\/[^/]+\/(\w+)/.exec(path)?.[1] ?? "");
  // An evaluation is of a model.
  const here = place === "evaluations" ? "models" : place;
  return (
    <Shell
      team={team}
      places={[{ key: "worklist", to: "/" }, ...(team ? places : [])]}
      here={here}
      onGo={(to) => void navigate({ to })}
      onTeam={(slug) => {
        void prefer({ default_team: slug });
        void navigate({ to: here === "worklist" || !here ? "/" : `/teams/${slug}/${here}` });
      }}
    >
      {team || path === "/account" ? <Outlet /> : <Empty title={t("noTeam")}>{t("noTeamHint")}</Empty>}
    </Shell>
  );
}

export function NotFound(): ReactNode {
  const { t } = useTranslation();
  return (
    <Center h="60vh">
      <Stack align="center">
        <Title order={2}>{t("notFound")}</Title>
        <Text c="dimmed">{t("notFoundHint")}</Text>
        <Button component="a" href="/">
          {t("place.worklist")}
        </Button>
      </Stack>
    </Center>
  );
}

export function Crash({ error }: { error: unknown }): ReactNode {
  return (
    <Container size="sm" py="xl">
      <Failed
        error={error}
        onRetry={() => {
          window.location.reload();
        }}
      />
    </Container>
  );
}
