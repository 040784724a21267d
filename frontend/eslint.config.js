import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

// main > pages > viewer | ui > store > api: who may not import whom.
const upwards = {
  api: ["**/store/**", "**/ui/**", "**/viewer/**", "**/pages/**"],
  store: ["**/ui/**", "**/viewer/**", "**/pages/**"],
  ui: ["**/viewer/**", "**/pages/**"],
  viewer: ["**/pages/**"],
};
const cornerstone = { group: ["@cornerstonejs/*"], message: "Only viewer/ knows Cornerstone." };
const network = ["fetch", "WebSocket", "XMLHttpRequest"].map((name) => ({ name, message: "Only api/ talks to the network." }));
const room = (name, patterns) => ({
  files: [`src/${name}/**/*.{ts,tsx}`],
  rules: { "no-restricted-imports": ["error", { patterns }] },
});

export default tseslint.config(
  { ignores: ["dist", "src/api/schema.gen.ts"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": hooks },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "no-restricted-imports": ["error", { patterns: [cornerstone] }],
      "no-restricted-globals": ["error", ...network],
      "max-lines": ["warn", 400],
    },
  },
  room("api", [cornerstone, { group: upwards.api, message: "api/ imports nothing of the house." }]),
  room("store", [cornerstone, { group: upwards.store, message: "store/ imports api/ alone." }]),
  room("ui", [cornerstone, { group: upwards.ui, message: "ui/ imports store/ and api/ alone." }]),
  room("viewer", [{ group: upwards.viewer, message: "viewer/ does not know pages/." }]),
  { files: ["src/api/**/*.{ts,tsx}", "src/**/*.test.{ts,tsx}"], rules: { "no-restricted-globals": "off" } },
);
