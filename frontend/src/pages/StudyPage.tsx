/** A study in the viewer. */

import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { ViewerPage } from "../viewer";

export function StudyPage(): ReactNode {
  const { team, study } = useParams({ from: "/signed-in/teams/$team/studies/$study" });
  return <ViewerPage key={`${team}/${study}`} team={team} studyInstanceUid={study} />;
}
