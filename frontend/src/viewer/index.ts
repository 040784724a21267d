/** The door of the viewer: the page, to be loaded lazily. */

export { default as ViewerPage } from "./ViewerPage";
