"""The app for programs: REST and OpenAI routes beside the window. `app.create_api` makes them."""
