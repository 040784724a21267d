/** The form that starts a training: the cohort first, then the recipes that suit it, with the defaults chosen for it. */

import { Anchor, Container, Group, Title } from "@mantine/core";
import { Link, useSearch } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useCohorts, useRecipes, useTraining, type Cohort, type Training } from "../store/queries";
import { includes, teamOf, useSession } from "../store/session";
import { Empty, Failed, Loading } from "../ui/States";
import { useTeam } from "./SignedIn";
import { settingsFrom, steeringOf } from "./training/fields";
import { TrainingForm, type Beginning } from "./training/TrainingForm";

export function NewTrainingPage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const wanted = useSearch({ from: "/signed-in/teams/$team/training/new" });
  const mayTrain = useSession((state) => includes(teamOf(state.me, team)?.role, "researcher"));
  const cohorts = useCohorts(team);
  useEffect(() => {
    document.title = `${t("form.title")} · medportal`;
  }, [t]);
  return (
    <Container size="xl" px={0}>
      <Group justify="space-between" mb="md">
        <Title order={2}>{t("form.title")}</Title>
        <Anchor renderRoot={(props) => <Link {...props} to="/teams/$team/training" params={{ team }} />}>{t("form.back")}</Anchor>
      </Group>
      {!mayTrain ? (
        <Empty title={t("form.needsRole")} />
      ) : cohorts.isError ? (
        <Failed error={cohorts.error} onRetry={() => void cohorts.refetch()} />
      ) : !cohorts.data ? (
        <Loading />
      ) : !cohorts.data.length ? (
        <Empty title={t("cohorts.empty")}>
          <Anchor renderRoot={(props) => <Link {...props} to="/teams/$team/cohorts" params={{ team }} />}>{t("training.noCohort")}</Anchor>
        </Empty>
      ) : wanted.from ? (
        <Copied key={wanted.from} team={team} cohorts={cohorts.data} from={wanted.from} />
      ) : (
        <TrainingForm team={team} cohorts={cohorts.data} beginning={beginningOf(cohorts.data, wanted)} />
      )}
    </Container>
  );
}

function beginningOf(cohorts: readonly Cohort[], wanted: { cohort?: string; version?: number; recipe?: string }): Beginning {
  const trainable = cohorts.find(({ versions: [newest] }) => newest && newest.is_trainable !== false && (newest.patients.train ?? 0) > 0);
  const cohort = cohorts.find(({ name }) => name === wanted.cohort) ?? trainable ?? cohorts[0];
  return {
    cohort: cohort?.name ?? "",
    version: wanted.version ?? cohort?.versions[0]?.number ?? 1,
    recipe: wanted.recipe ?? "",
    model: null,
    settings: {},
    origin: null,
  };
}

/** The form as another run had it. */
function Copied({ team, cohorts, from }: { team: string; cohorts: readonly Cohort[]; from: string }): ReactNode {
  const training = useTraining(team, from);
  if (training.isPending) return <Loading />;
  if (training.isError) return <Failed error={training.error} onRetry={() => void training.refetch()} />;
  return <CopiedForm team={team} cohorts={cohorts} training={training.data} />;
}

function CopiedForm({ team, cohorts, training }: { team: string; cohorts: readonly Cohort[]; training: Training }): ReactNode {
  const { cohort, cohort_version: version } = training;
  const recipes = useRecipes(team, { cohort, version, ...steeringOf(training.config) });
  if (recipes.isError) return <Failed error={recipes.error} onRetry={() => void recipes.refetch()} />;
  if (!recipes.data || recipes.isPlaceholderData) return <Loading />;
  const recipe = recipes.data.find(({ name }) => name === training.recipe);
  return (
    <TrainingForm
      team={team}
      cohorts={cohorts}
      beginning={{
        cohort,
        version,
        recipe: training.recipe,
        model: training.model,
        settings: recipe ? settingsFrom(training.config, recipe) : {},
        origin: training,
      }}
    />
  );
}
