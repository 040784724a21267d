/** A study in the viewer. */

import { useParams, useRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { ViewerPage } from "../viewer";

export function StudyPage(): ReactNode {
  const { team, study } = useParams({ from: "/signed-in/teams/$team/studies/$study" });
  const router = useRouter();
  // Back to the worklist as it was left: its search, its page.
  const close = (): void => {
    if (router.history.canGoBack()) router.history.back();
    else void router.navigate({ to: "/" });
  };
  return <ViewerPage key={`${team}/${study}`} team={team} studyInstanceUid={study} onClose={close} />;
}
